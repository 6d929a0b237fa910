// Remembers of some keys that they were seen, in a fixed amount of memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/hash.hpp"

namespace accrete {

/// A key that was added may be forgotten again, for another takes its place. Any number of threads may use it at once.
///
/// Limitations: keys are told apart by 64 bits of hash.
class KnownKeys {
 public:
  void add(std::string_view key) noexcept {
    const std::uint64_t hash = hash_of(key);
    place_of(hash).store(hash, std::memory_order_relaxed);
  }

  void forget(std::string_view key) noexcept { place_of(hash_of(key)).store(0, std::memory_order_relaxed); }

  [[nodiscard]] bool contains(std::string_view key) noexcept {
    const std::uint64_t hash = hash_of(key);
    return place_of(hash).load(std::memory_order_relaxed) == hash;
  }

 private:
  static constexpr std::size_t places = 4096;

  /// Never 0, which is an empty place.
  [[nodiscard]] static std::uint64_t hash_of(std::string_view key) noexcept { return hash64(key) | 1; }
  [[nodiscard]] std::atomic<std::uint64_t>& place_of(std::uint64_t hash) noexcept { return hashes_[hash / 2 % places]; }

  std::array<std::atomic<std::uint64_t>, places> hashes_{};
};

}  // namespace accrete
