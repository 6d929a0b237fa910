#include "net/gathered_batch.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/entries.hpp"
#include "base/hash.hpp"
#include "net/protocol.hpp"

namespace accrete {
namespace {

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
  index_.reserve(entries.size(), [this](std::uint32_t at) { return groups_[at].hash; });
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
  const std::uint32_t found = index_.find(
      hash, [&](std::uint32_t at) { return bytes_at(groups_[at].key_offset, groups_[at].key_size) == key; });
  if (found != KeyIndex::none) return groups_[found];
  index_.insert(hash, static_cast<std::uint32_t>(groups_.size()),
                [this](std::uint32_t at) { return groups_[at].hash; });
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

void GatheredBatch::encode(std::uint64_t sequence, std::string& message) const {
  message.reserve(message_size_);
  wire::begin_append({}, false, message);
  append_le(message, static_cast<std::uint32_t>(groups_.size()));
  for (const Group& group : groups_) {
    encode_entry_header(bytes_at(group.key_offset, group.key_size), group.bytes, message);
    for (std::uint32_t i = group.first; i != none; i = pieces_[i].next) {
      message += bytes_at(pieces_[i].offset, pieces_[i].size);
    }
  }
  wire::set_sequence(message, sequence);
}

void GatheredBatch::clear(std::size_t keep_bytes) {
  const std::size_t kept =
      bytes_.capacity() + pieces_.capacity() * sizeof(Piece) + groups_.capacity() * sizeof(Group) + index_.held_bytes();
  if (kept > keep_bytes) {
    *this = GatheredBatch{};
    return;
  }
  bytes_.clear();
  pieces_.clear();
  groups_.clear();
  index_.reset();
  message_size_ = 0;
}

}  // namespace accrete
