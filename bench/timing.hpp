// What limits and comparisons have in common, as benchmarks of Google Benchmark.
#pragma once

#include <benchmark/benchmark.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace bench {

inline constexpr std::size_t kibibyte = 1024;
inline constexpr std::size_t mebibyte = 1024 * kibibyte;

inline void set_bytes(benchmark::State& state, std::size_t of_iteration) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(of_iteration));
}

/// Makes this work all that counts of an iteration.
template <typename Work>
void time_only(benchmark::State& state, const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}

inline void check(bool holds) {
  if (!holds) throw std::runtime_error("what was read is not what was written");
}

}  // namespace bench
