// Finds keys by their hash: open addressing over numbers into a table that the caller keeps.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/prefetch.hpp"

namespace accrete {

/// Up to 2^32 - 1 numbers. Nothing is removed but everything.
class KeyIndex {
 public:
  static constexpr std::uint32_t none = 0xFFFF'FFFF;

  /// The number whose hash this is and for which `is_key(number)` is true; `none` if there is none.
  template <typename IsKey>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, IsKey is_key) const {
    if (slots_.empty()) return none;
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.number == none) return none;
      if (slot.tag == tag_of(hash) && is_key(slot.number)) return slot.number;
    }
  }

  /// The first number that a look at the index alone finds for the hash.
  [[nodiscard]] std::uint32_t find_likely(std::uint64_t hash) const {
    return find(hash, [](std::uint32_t) { return true; });
  }

  /// The hash will be asked for soon.
  void prefetch(std::uint64_t hash) const noexcept {
    if (!slots_.empty()) prefetch_to_read(&slots_[hash & mask()]);
  }

  /// For a hash and number that are not there. `hash_of(number)` is asked of those that are, when the index grows.
  template <typename HashOf>
  void insert(std::uint64_t hash, std::uint32_t number, HashOf hash_of) {
    reserve(1, hash_of);
    place(hash, number);
    ++count_;
  }

  /// The next `more` inserts allocate nothing.
  template <typename HashOf>
  void reserve(std::size_t more, HashOf hash_of) {
    if (2 * (count_ + more) > slots_.size()) grow(count_ + more, hash_of);
  }

  void clear() noexcept {
    slots_.clear();
    count_ = 0;
  }

  /// Removes everything, and keeps the memory in use for as many.
  void reset() noexcept {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    count_ = 0;
  }

  [[nodiscard]] std::uint64_t held_bytes() const noexcept { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint32_t tag = 0;  // upper half of the hash: most keys that are not the one are told without a look at them
    std::uint32_t number = none;
  };

  [[nodiscard]] static std::uint32_t tag_of(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash >> 32);
  }
  [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }

  void place(std::uint64_t hash, std::uint32_t number) {
    std::size_t at = hash & mask();
    while (slots_[at].number != none) at = (at + 1) & mask();
    slots_[at] = {.tag = tag_of(hash), .number = number};
  }

  template <typename HashOf>
  void grow(std::size_t count, HashOf hash_of) {
    std::vector<Slot> old(std::bit_ceil<std::size_t>(4 * (count + 7)));
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number != none) place(hash_of(slot.number), slot.number);
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, at most half in use
  std::size_t count_ = 0;
};

}  // namespace accrete
