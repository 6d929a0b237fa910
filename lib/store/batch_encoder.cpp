#include "store/batch_encoder.hpp"

#include "base/within_memory.hpp"

namespace accrete {

std::span<const Entry> BatchEncoder::encode(std::span<const Entry> entries) {
  return within_memory("encode a batch of " + std::to_string(entries.size()) + " entries", [&] {
    bytes_.clear();
    ends_.clear();
    entries_.clear();
    plan_.assign(entries);
    for (const BatchPlan::Group& group : plan_.groups()) {
      encoder_.append_frames(joined(group), bytes_);
      ends_.push_back(bytes_.size());
    }
    std::size_t begin = 0;
    for (const BatchPlan::Group& group : plan_.groups()) {
      const std::size_t end = ends_[entries_.size()];
      entries_.push_back({.key = group.key, .bytes = std::string_view(bytes_).substr(begin, end - begin)});
      begin = end;
    }
    return std::span<const Entry>(entries_);
  });
}

std::string_view BatchEncoder::joined(const BatchPlan::Group& group) {
  const std::span<const std::string_view> pieces = plan_.pieces(group);
  if (pieces.size() == 1) return pieces.front();
  joined_.clear();
  joined_.reserve(group.bytes);
  for (const std::string_view piece : pieces) joined_ += piece;
  return joined_;
}

void BatchEncoder::forget_large_batch() noexcept {
  constexpr std::size_t most_kept_bytes = std::size_t{4} << 20;
  for (std::string* const memory : {&joined_, &bytes_}) {
    if (memory->capacity() > most_kept_bytes) std::string().swap(*memory);
  }
}

}  // namespace accrete
