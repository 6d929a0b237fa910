// Limits of memory: large copies, and copies of entries to many places in turn.
//
// What this machine can do at most of each thing that a store is made of: measurements are held against these limits,
// so each is taken with the best practice that is known for it, in the state in which a store would find it.
//
// What decides about the second is how long the processor waits for the places, not how fast it copies. Measured with
// 100 B on a Xeon of 2023 (2 MiB of second-level cache), nanoseconds an entry:
//   100   places 64 KiB apart, as chunks of a power of two lie: all of them grow in the same few sets of the cache
//    70   places a line further apart
//    26   and what is needed 2 KiB of entries later is fetched meanwhile
// A store that gets its entries in batches can do the last, so that is the limit. One that gets them singly cannot:
// scatter_100_unfetched.
#include <cstring>
#include <vector>

#include "limits/mapped_memory.hpp"
#include "timing.hpp"

namespace bench {
namespace {

constexpr std::size_t cache_line = 64;

/// More than any cache holds, and each block is cold when its turn comes again.
void copy_large_blocks(benchmark::State& state) {
  constexpr std::size_t block = 64 * mebibyte;
  constexpr std::size_t blocks = 4;
  const MappedMemory from(blocks * block, Pages::huge);
  const MappedMemory to(blocks * block, Pages::huge);
  std::size_t at = 0;
  for (auto _ : state) {
    std::memcpy(to.data() + at, from.data() + at, block);
    at = (at + block) % from.size();
  }
  set_bytes(state, block);
}

/// Numbers below an end, each so many above the one before, around.
class Ring {
 public:
  Ring(std::size_t end, std::size_t step, std::size_t skipped = 0)
      : end_(end), step_(step % end), number_(skipped * step_ % end) {}

  [[nodiscard]] std::size_t next() noexcept {
    const std::size_t number = number_;
    number_ += step_;
    if (number_ >= end_) number_ -= end_;
    return number;
  }

 private:
  std::size_t end_;
  std::size_t step_;
  std::size_t number_;
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
void scatter(benchmark::State& state, std::size_t entry_size, std::size_t ahead) {
  constexpr std::size_t pool_size = 4 * mebibyte;
  constexpr std::size_t offset_step = 2'654'435'761;
  const std::size_t entries = 128 * mebibyte / entry_size;
  const std::size_t end = pool_size - entry_size + 1;
  const MappedMemory pool(pool_size + mebibyte);  // what is fetched may lie a little after it
  Places places;
  for (auto _ : state) {
    Ring offsets(end, offset_step);
    Ring offsets_ahead(end, offset_step, ahead);
    Ring turns(Places::count, 1);
    Ring turns_ahead(Places::count, 1, ahead);
    for (std::size_t i = 0; i < entries; ++i) {
      places.append(turns.next(), pool.data() + offsets.next(), entry_size);
      if (ahead == 0) continue;
      fetch<Access::write>(places.end(turns_ahead.next()), entry_size);
      fetch<Access::read>(pool.data() + offsets_ahead.next(), entry_size);
    }
  }
  set_bytes(state, entries * entry_size);
}

BENCHMARK(copy_large_blocks)->Name("memcpy")->UseRealTime();
// The processor runs ahead by itself within a large entry.
BENCHMARK_CAPTURE(scatter, 100, 100, 20)->Name("scatter_100")->UseRealTime();
BENCHMARK_CAPTURE(scatter, 100_unfetched, 100, 0)->Name("scatter_100_unfetched")->UseRealTime();
BENCHMARK_CAPTURE(scatter, 1024, 1024, 2)->Name("scatter_1024")->UseRealTime();
BENCHMARK_CAPTURE(scatter, 65536, 65'536, 0)->Name("scatter_65536")->UseRealTime();

}  // namespace
}  // namespace bench

BENCHMARK_MAIN();
