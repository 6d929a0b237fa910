#include "net/gathered_batch.hpp"

#include <algorithm>
#include <bit>

#include "base/entries.hpp"
#include "base/hash.hpp"
#include "net/protocol.hpp"

namespace accrete {
namespace {

constexpr std::size_t first_slots = 64;

/// As reserve, but at least twice what there was: reserve alone may grow by what is asked for only.
void make_room_in(auto& container, std::size_t more) {
  if (more <= container.capacity() - container.size()) return;
  container.reserve(std::max(2 * container.capacity(), container.size() + more));
}

}  // namespace

void GatheredBatch::add(std::span<const Entry> entries) {
  make_room(entries);
  if (groups_.empty()) message_size_ = wire::append_header_size;
  for (const Entry& entry : entries) add_one(entry);
}

void GatheredBatch::make_room(std::span<const Entry> entries) {
  std::size_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.key.size() + entry.bytes.size();
  make_room_in(bytes_, bytes);
  make_room_in(pieces_, entries.size());
  make_room_in(groups_, entries.size());
  if (2 * (groups_.size() + entries.size()) > slots_.size()) grow_slots(groups_.size() + entries.size());
}

void GatheredBatch::grow_slots(std::size_t groups) {
  slots_.assign(std::max(first_slots, std::bit_ceil(2 * groups)), none);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    std::size_t at = groups_[i].hash & mask;
    while (slots_[at] != none) at = (at + 1) & mask;
    slots_[at] = static_cast<std::uint32_t>(i);
  }
}

void GatheredBatch::add_one(const Entry& entry) noexcept {
  Group& group = group_of(entry.key);
  if (entry.bytes.empty()) return;
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  const auto size = static_cast<std::uint32_t>(entry.bytes.size());
  bytes_.append(entry.bytes);
  group.bytes += size;
  message_size_ += size;
  if (group.last != none) {
    Piece& last = pieces_[group.last];
    if (last.offset + last.size == offset) {
      last.size += size;
      return;
    }
    last.next = static_cast<std::uint32_t>(pieces_.size());
  } else {
    group.first = static_cast<std::uint32_t>(pieces_.size());
  }
  group.last = static_cast<std::uint32_t>(pieces_.size());
  pieces_.push_back({.offset = offset, .size = size, .next = none});
}

GatheredBatch::Group& GatheredBatch::group_of(std::string_view key) noexcept {
  const std::uint64_t hash = hash64(key);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at] != none; at = (at + 1) & mask) {
    Group& group = groups_[slots_[at]];
    if (group.hash == hash && bytes_at(group.key_offset, group.key_size) == key) return group;
  }
  slots_[at] = static_cast<std::uint32_t>(groups_.size());
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  bytes_.append(key);
  message_size_ += entry_header_size + key.size();
  return groups_.emplace_back(Group{.hash = hash,
                                    .key_offset = offset,
                                    .key_size = static_cast<std::uint32_t>(key.size()),
                                    .first = none,
                                    .last = none,
                                    .bytes = 0});
}

std::string GatheredBatch::encode(std::uint64_t sequence) const {
  std::string message;
  message.reserve(message_size_);
  wire::begin_append(sequence, {}, static_cast<std::uint32_t>(groups_.size()), message);
  for (const Group& group : groups_) {
    encode_entry_header(bytes_at(group.key_offset, group.key_size), group.bytes, message);
    for (std::uint32_t i = group.first; i != none; i = pieces_[i].next) {
      message += bytes_at(pieces_[i].offset, pieces_[i].size);
    }
  }
  return message;
}

void GatheredBatch::clear(std::size_t keep_bytes) {
  const std::size_t kept = bytes_.capacity() + pieces_.capacity() * sizeof(Piece) + groups_.capacity() * sizeof(Group) +
                           slots_.capacity() * sizeof(std::uint32_t);
  if (kept > keep_bytes) {
    *this = GatheredBatch{};
    return;
  }
  bytes_.clear();
  pieces_.clear();
  groups_.clear();
  std::fill(slots_.begin(), slots_.end(), none);
  message_size_ = 0;
}

}  // namespace accrete
