#include "codec/batch_encoder.hpp"

#include "base/interruption.hpp"
#include "base/within_memory.hpp"
#include "codec/frame.hpp"

namespace accrete {
namespace {

/// Shorter bytes are sooner copied than written from where they are.
constexpr std::size_t min_left_bytes = 4096;

}  // namespace

std::span<const Entry> BatchEncoder::encode(std::span<const Entry> entries, bool one_entry_a_key) {
  return within_memory("encode a batch of " + std::to_string(entries.size()) + " entries", [&] {
    encoded_.clear();
    parts_.clear();
    entries_.clear();
    groups_.assign(entries);
    for (const EntryGroup& group : groups_.groups()) encode(group, one_entry_a_key);
    for (const Part& part : parts_) {
      const std::string_view encoded = std::string_view(encoded_).substr(part.begin, part.end - part.begin);
      entries_.push_back({.key = part.key, .bytes = part.given.empty() ? encoded : part.given});
    }
    return std::span<const Entry>(entries_);
  });
}

void BatchEncoder::encode(const EntryGroup& group, bool one_entry_a_key) {
  const std::span<const std::string_view> pieces = groups_.pieces(group);
  const bool is_joined = pieces.size() > 1;
  std::string_view bytes = is_joined ? joined(pieces, group.bytes) : pieces.front();
  const std::size_t parts_before = parts_.size();
  std::size_t begin = encoded_.size();
  while (!bytes.empty()) {
    throw_if_interrupted();
    const std::string_view payload = bytes.substr(0, max_frame_bytes);
    bytes.remove_prefix(payload.size());
    const bool may_leave = !one_entry_a_key && !is_joined && payload.size() >= min_left_bytes;
    if (encoder_.append_frame(payload, encoded_, may_leave) == FrameEncoder::Appended::frame) continue;
    parts_.push_back({.key = group.key, .given = {}, .begin = begin, .end = encoded_.size()});
    parts_.push_back({.key = group.key, .given = payload});
    begin = encoded_.size();
  }
  if (begin < encoded_.size() || parts_.size() == parts_before) {
    parts_.push_back({.key = group.key, .given = {}, .begin = begin, .end = encoded_.size()});
  }
}

std::string_view BatchEncoder::joined(std::span<const std::string_view> pieces, std::uint64_t bytes) {
  joined_.clear();
  joined_.reserve(bytes);
  for (const std::string_view piece : pieces) joined_ += piece;
  return joined_;
}

void BatchEncoder::forget_large_batch() noexcept {
  constexpr std::size_t max_kept_bytes = std::size_t{4} << 20;
  for (std::string* const memory : {&joined_, &encoded_}) {
    if (memory->capacity() > max_kept_bytes) std::string().swap(*memory);
  }
}

}  // namespace accrete
