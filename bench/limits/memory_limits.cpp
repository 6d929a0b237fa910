// Limits of memory: large copies, and copies of entries to many places in turn. Limits are taken with the best practice
// that is known, in the state in which a store would find the machine.
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

#include "timing.hpp"

namespace bench {
namespace {

constexpr std::size_t cache_line = 64;

/// More than any cache holds, and each block is cold when its turn comes again.
void copy_large_blocks(benchmark::State& state) {
  constexpr std::size_t block = 64 * mebibyte;
  constexpr std::size_t blocks = 4;
  const Memory from = touched_memory(blocks * block, true);
  const Memory to = touched_memory(blocks * block, true);
  std::size_t at = 0;
  for (auto _ : state) {
    std::memcpy(to.get() + at, from.get() + at, block);
    at = (at + block) % (blocks * block);
  }
  set_bytes(state, block);
}

template <bool to_write>
void fetch(const char* bytes, std::size_t size) noexcept {
  for (std::size_t at = 0; at < size + cache_line - 1; at += cache_line) __builtin_prefetch(bytes + at, to_write);
}

/// Copies entries to all places in turn. `ahead`: so many entries before its turn, what an entry needs is fetched.
void scatter(benchmark::State& state, std::size_t entry_size, std::size_t ahead) {
  constexpr std::size_t place_count = 1000;
  constexpr std::size_t chunk_size = 64 * kibibyte;
  constexpr std::size_t stride = chunk_size + cache_line;
  constexpr std::size_t pool_size = 4 * mebibyte;
  const std::size_t entries = 128 * mebibyte / entry_size;
  const Memory pool = touched_memory(pool_size + mebibyte);  // an entry may begin at any of the first bytes
  const auto source = [&](std::size_t number) { return pool.get() + number * 2'654'435'761 % pool_size; };
  const Memory chunks = touched_memory(place_count * stride);
  const auto begin = [&](std::size_t place) { return chunks.get() + place * stride; };
  std::vector<char*> ends;
  for (std::size_t place = 0; place < place_count; ++place) ends.push_back(begin(place));
  for (auto _ : state) {
    for (std::size_t i = 0; i < entries; ++i) {
      const std::size_t place = i % place_count;
      // A chunk that is full is used again at once: handed over, it is free.
      if (begin(place) + chunk_size - ends[place] < static_cast<std::ptrdiff_t>(entry_size)) ends[place] = begin(place);
      std::memcpy(ends[place], source(i), entry_size);
      ends[place] += entry_size;
      if (ahead == 0) continue;
      fetch<true>(ends[(i + ahead) % place_count], entry_size);
      fetch<false>(source(i + ahead), entry_size);
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
