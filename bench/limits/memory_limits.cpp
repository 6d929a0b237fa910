// Limits of memory: large copies, and copies of entries to many places in turn.
//
// What decides about the second is how long the processor waits for the places, not how fast it copies. Measured with
// 100 B on a Xeon of 2023 (2 MiB of second-level cache), nanoseconds an entry:
//   100   places 64 KiB apart, as chunks of a power of two lie: all of them grow in the same few sets of the cache
//    70   places a line further apart
//    26   and what is needed 2 KiB of entries later is fetched meanwhile
// A store that gets its entries in batches can do the last, so that is the limit. One that gets them singly cannot:
// scatter_100_unfetched.
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "limits/limits.hpp"
#include "limits/mapped_memory.hpp"
#include "limits/timing.hpp"

namespace bench {
namespace {

constexpr std::size_t cache_line = 64;

/// More than any cache holds, and each block is cold when its turn comes again.
double copy_large_blocks() {
  constexpr std::size_t block = 64 * mebibyte;
  constexpr std::size_t blocks = 4;
  const MappedMemory from(blocks * block, Pages::huge);
  const MappedMemory to(blocks * block, Pages::huge);
  const double seconds = median_of(5, [&] {
    return seconds_of([&] {
      for (std::size_t i = 0; i < blocks; ++i) std::memcpy(to.data() + i * block, from.data() + i * block, block);
    });
  });
  return blocks * block / seconds;
}

/// Where the bytes of the entries lie: an entry's place is the one before, so many bytes on, around the pool.
class Offsets {
 public:
  explicit Offsets(std::size_t entry_size) : end_(pool_size - entry_size + 1), step_(2'654'435'761 % end_) {}

  [[nodiscard]] std::size_t next() noexcept {
    const std::size_t offset = offset_;
    offset_ += step_;
    if (offset_ >= end_) offset_ -= end_;
    return offset;
  }

  static constexpr std::size_t pool_size = 4 * mebibyte;

 private:
  std::size_t end_;
  std::size_t step_;
  std::size_t offset_ = 0;
};

/// Places that grow in chunks, each of which is used again as soon as it is full: handed over, it is free.
class Places {
 public:
  Places() {
    for (std::size_t i = 0; i < count; ++i) ends_[i] = memory_.data() + i * stride;
  }

  void append(std::size_t place, const char* bytes, std::size_t size) noexcept {
    char*& end = ends_[place];
    char* const begin = memory_.data() + place * stride;
    if (chunk_size - static_cast<std::size_t>(end - begin) < size) end = begin;
    std::memcpy(end, bytes, size);
    end += size;
  }

  [[nodiscard]] const char* end(std::size_t place) const noexcept { return ends_[place]; }

  static constexpr std::size_t count = 1000;

 private:
  static constexpr std::size_t chunk_size = std::size_t{64} * 1024;
  static constexpr std::size_t stride = chunk_size + cache_line;

  const MappedMemory memory_{count * stride + chunk_size};
  std::vector<char*> ends_ = std::vector<char*>(count);
};

enum class Access { read, write };

template <Access access>
void fetch(const char* bytes, std::size_t size) noexcept {
  for (std::size_t at = 0; at < size + cache_line - 1; at += cache_line) {
    __builtin_prefetch(bytes + at, access == Access::write ? 1 : 0);
  }
}

/// Copies entries to all places in turn. `ahead`: so many entries before its turn, what an entry needs is fetched.
double scatter(std::size_t entry_size, std::size_t ahead) {
  const std::size_t entries = 128 * mebibyte / entry_size;
  const MappedMemory pool(Offsets::pool_size + mebibyte);  // what is fetched may lie a little behind
  Places places;
  const double seconds = median_of(5, [&] {
    Offsets offsets(entry_size);
    Offsets offsets_ahead(entry_size);
    for (std::size_t i = 0; i < ahead; ++i) (void)offsets_ahead.next();
    return seconds_of([&] {
      std::size_t place = 0;
      std::size_t place_ahead = ahead;
      for (std::size_t i = 0; i < entries; ++i) {
        places.append(place, pool.data() + offsets.next(), entry_size);
        if (++place == Places::count) place = 0;
        if (ahead == 0) continue;
        fetch<Access::write>(places.end(place_ahead), entry_size);
        fetch<Access::read>(pool.data() + offsets_ahead.next(), entry_size);
        if (++place_ahead == Places::count) place_ahead = 0;
      }
    });
  });
  return static_cast<double>(entries * entry_size) / seconds;
}

}  // namespace

Limits memory_limits() {
  // The processor runs ahead by itself within a large entry.
  return {
      {"memcpy", "bytes/s", copy_large_blocks},
      {"scatter_100", "bytes/s", [] { return scatter(100, 20); }},
      {"scatter_100_unfetched", "bytes/s", [] { return scatter(100, 0); }},
      {"scatter_1024", "bytes/s", [] { return scatter(1024, 2); }},
      {"scatter_65536", "bytes/s", [] { return scatter(65'536, 0); }},
  };
}

}  // namespace bench
