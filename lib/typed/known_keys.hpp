// Remembers of keys that they were seen, in memory that grows up to a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "os/at_fork.hpp"

namespace accrete {

/// Nearly all of up to half a million keys, in 8 MiB; beyond that, keys that are added take the place of others. Any
/// number of threads may use it at once.
///
/// Limitations: keys are told apart by 64 bits of hash.
class KnownKeys : private AtFork {
 public:
  KnownKeys() { watch_forks(); }
  ~KnownKeys() override { ignore_forks(); }

  [[nodiscard]] bool contains(std::string_view key) const;

  /// A number that changes when a key is forgotten.
  [[nodiscard]] std::uint64_t epoch() const;

  /// Does nothing if a key was forgotten since the epoch was `seen`, before somebody looked at what is now added.
  void add(std::string_view key, std::uint64_t seen) noexcept;

  void forget(std::string_view key);
  void forget_all();

 private:
  [[nodiscard]] std::uint64_t* bucket_of(std::uint64_t hash) const noexcept;
  [[nodiscard]] bool try_add(std::uint64_t hash) noexcept;
  [[nodiscard]] bool try_grow() noexcept;

  void before_fork() override { mutex_.lock(); }
  void after_fork_in_parent() noexcept override { mutex_.unlock(); }
  // The child cannot unlock it: the thread that did the locking has another number there.
  void after_fork_in_child() noexcept override { std::construct_at(&mutex_); }

  mutable std::mutex mutex_;                 // guards all below
  std::unique_ptr<std::uint64_t[]> places_;  // NOLINT(modernize-avoid-c-arrays): hashes in buckets; 0 is a free place
  std::size_t size_ = 0;                     // places
  std::uint64_t epoch_ = 0;
};

}  // namespace accrete
