#include "typed/known_keys.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "base/hash.hpp"

namespace accrete {
namespace {

constexpr std::size_t bucket_size = 8;  // a cache line
constexpr std::size_t min_size = 64;
constexpr std::size_t max_size = std::size_t{1} << 20;

/// Never 0.
std::uint64_t hash_of(std::string_view key) noexcept { return std::max<std::uint64_t>(1, hash64(key)); }

}  // namespace

bool KnownKeys::contains(std::string_view key) const {
  const std::uint64_t hash = hash_of(key);
  const std::lock_guard lock(mutex_);
  if (size_ == 0) return false;
  const std::uint64_t* const bucket = bucket_of(hash);
  return std::find(bucket, bucket + bucket_size, hash) != bucket + bucket_size;
}

std::uint64_t KnownKeys::epoch() const {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

void KnownKeys::add(std::string_view key, std::uint64_t seen) noexcept {
  const std::uint64_t hash = hash_of(key);
  const std::lock_guard lock(mutex_);
  if (epoch_ != seen) return;
  while (!try_add(hash)) {
    if (try_grow()) continue;
    if (size_ > 0) bucket_of(hash)[hash % bucket_size] = hash;
    return;
  }
}

void KnownKeys::forget(std::string_view key) {
  const std::uint64_t hash = hash_of(key);
  const std::lock_guard lock(mutex_);
  ++epoch_;
  if (size_ == 0) return;
  std::uint64_t* const bucket = bucket_of(hash);
  std::replace(bucket, bucket + bucket_size, hash, std::uint64_t{0});
}

void KnownKeys::forget_all() {
  const std::lock_guard lock(mutex_);
  ++epoch_;
  std::fill_n(places_.get(), size_, 0);
}

std::uint64_t* KnownKeys::bucket_of(std::uint64_t hash) const noexcept {
  return &places_[(hash >> 32) % (size_ / bucket_size) * bucket_size];
}

/// False: its bucket is full.
bool KnownKeys::try_add(std::uint64_t hash) noexcept {
  if (size_ == 0) return false;
  std::uint64_t* const end = bucket_of(hash) + bucket_size;
  std::uint64_t* const place =
      std::find_if(end - bucket_size, end, [&](std::uint64_t held) { return held == hash || held == 0; });
  if (place == end) return false;
  *place = hash;
  return true;
}

/// False: it is as large as it may be, or there is no memory.
bool KnownKeys::try_grow() noexcept {
  const std::size_t new_size = size_ == 0 ? min_size : 2 * size_;
  if (new_size > max_size) return false;
  // NOLINTNEXTLINE(modernize-avoid-c-arrays)
  std::unique_ptr<std::uint64_t[]> old_places(new (std::nothrow) std::uint64_t[new_size]());
  if (!old_places) return false;
  std::swap(places_, old_places);
  const std::size_t old_size = std::exchange(size_, new_size);
  // A bucket's hashes go to two buckets, so there is room.
  for (std::size_t i = 0; i < old_size; ++i) {
    if (old_places[i] != 0) static_cast<void>(try_add(old_places[i]));
  }
  return true;
}

}  // namespace accrete
