// The entries of a batch by key: one group a key, in the order in which the keys first stand in the batch.
#pragma once

#include <accrete/error.hpp>
#include <accrete/store.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "base/key_index.hpp"

namespace accrete {

struct EntryGroup {
  std::string_view key{};
  std::uint32_t first = 0;  // entry
  std::uint32_t last = 0;   // entry
  std::uint64_t bytes = 0;  // of all its entries
};

/// Its memory is used again by the next batch. `Group`: an EntryGroup, with what its user has to say of it.
template <typename Group = EntryGroup>
class EntryGroups {
 public:
  /// Borrows the entries until the next `assign`. Throws InvalidArgumentError for more than 2^32 - 2 entries.
  void assign(std::span<const Entry> entries);

  [[nodiscard]] std::span<Group> groups() noexcept { return groups_; }

  /// The bytes of a group's entries, in order. Valid until the next call.
  [[nodiscard]] std::span<const std::string_view> pieces(const EntryGroup& group);

 private:
  static constexpr std::uint32_t none = KeyIndex::none;

  /// Up to the first entry whose key stands before that of the entry before it; returns its number.
  [[nodiscard]] std::uint32_t assign_in_order();
  void assign_from(std::uint32_t entry);
  void begin_group(std::uint32_t entry);
  void extend(Group& group, std::uint32_t entry) noexcept;

  std::span<const Entry> entries_;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> next_;  // entry → the next one of its key
  KeyIndex index_;                   // of groups_
  std::vector<std::string_view> pieces_;
};

template <typename Group>
void EntryGroups<Group>::assign(std::span<const Entry> entries) {
  if (entries.size() >= none) {
    throw InvalidArgumentError("a batch may have up to " + std::to_string(none - 1) + " entries; this one has " +
                               std::to_string(entries.size()));
  }
  entries_ = entries;
  groups_.clear();
  next_.assign(entries.size(), none);
  const std::uint32_t left = assign_in_order();
  if (left < entries.size()) assign_from(left);
}

/// Where entries come in the order of their keys, as from a buffer, there is nothing to look for.
template <typename Group>
std::uint32_t EntryGroups<Group>::assign_in_order() {
  std::uint32_t i = 0;
  for (; i < entries_.size(); ++i) {
    const int order = groups_.empty() ? 1 : entries_[i].key.compare(groups_.back().key);
    if (order < 0) break;
    if (order == 0) {
      extend(groups_.back(), i);
    } else {
      begin_group(i);
    }
  }
  return i;
}

template <typename Group>
void EntryGroups<Group>::assign_from(std::uint32_t entry) {
  const auto hash_of = [&](std::uint32_t at) { return hash64(groups_[at].key); };
  index_.clear();
  index_.reserve(entries_.size(), hash_of);
  for (std::uint32_t i = 0; i < groups_.size(); ++i) index_.insert(hash_of(i), i, hash_of);
  for (std::uint32_t i = entry; i < entries_.size(); ++i) {
    const std::string_view key = entries_[i].key;
    const std::uint64_t hash = hash64(key);
    const std::uint32_t found = index_.find(hash, [&](std::uint32_t at) { return groups_[at].key == key; });
    if (found != none) {
      extend(groups_[found], i);
    } else {
      index_.insert(hash, static_cast<std::uint32_t>(groups_.size()), hash_of);
      begin_group(i);
    }
  }
}

template <typename Group>
void EntryGroups<Group>::begin_group(std::uint32_t entry) {
  Group& group = groups_.emplace_back();
  group.key = entries_[entry].key;
  group.first = group.last = entry;
  group.bytes = entries_[entry].bytes.size();
}

template <typename Group>
void EntryGroups<Group>::extend(Group& group, std::uint32_t entry) noexcept {
  next_[group.last] = entry;
  group.last = entry;
  group.bytes += entries_[entry].bytes.size();
}

template <typename Group>
std::span<const std::string_view> EntryGroups<Group>::pieces(const EntryGroup& group) {
  pieces_.clear();
  for (std::uint32_t i = group.first; i != none; i = next_[i]) pieces_.push_back(entries_[i].bytes);
  return pieces_;
}

}  // namespace accrete
