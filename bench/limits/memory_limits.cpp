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

/// Places that grow in chunks, each of which is used again as soon as it is full: handed over, it is free.
class Places {
 public:
  Places() {
    for (std::size_t i = 0; i < count; ++i) ends_[i] = begin(i);
  }

  void append(std::size_t place, const char* bytes, std::size_t size) noexcept {
    char*& end = ends_[place];
    if (chunk_size - static_cast<std::size_t>(end - begin(place)) < size) end = begin(place);
    std::memcpy(end, bytes, size);
    end += size;
  }

  [[nodiscard]] const char* end(std::size_t place) const noexcept { return ends_[place]; }

  static constexpr std::size_t count = 1000;

 private:
  static constexpr std::size_t chunk_size = 64 * kibibyte;
  static constexpr std::size_t stride = chunk_size + cache_line;

  [[nodiscard]] char* begin(std::size_t place) const noexcept { return memory_.get() + place * stride; }

  const Memory memory_ = touched_memory(count * stride + chunk_size);
  std::vector<char*> ends_ = std::vector<char*>(count);
};

template <bool to_write>
void fetch(const char* bytes, std::size_t size) noexcept {
  for (std::size_t at = 0; at < size + cache_line - 1; at += cache_line) __builtin_prefetch(bytes + at, to_write);
}

/// Copies entries to all places in turn. `ahead`: so many entries before its turn, what an entry needs is fetched.
void scatter(benchmark::State& state, std::size_t entry_size, std::size_t ahead) {
  constexpr std::size_t pool_size = 4 * mebibyte;
  const std::size_t entries = 128 * mebibyte / entry_size;
  const Memory pool = touched_memory(pool_size + mebibyte);  // an entry may begin at any of the first bytes
  const auto source = [&](std::size_t number) { return pool.get() + number * 2'654'435'761 % pool_size; };
  Places places;
  for (auto _ : state) {
    for (std::size_t i = 0; i < entries; ++i) {
      places.append(i % Places::count, source(i), entry_size);
      if (ahead == 0) continue;
      fetch<true>(places.end((i + ahead) % Places::count), entry_size);
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
