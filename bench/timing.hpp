// What limits and comparisons have in common, as benchmarks of Google Benchmark.
#pragma once

#include <benchmark/benchmark.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>

#include "os/system.hpp"

namespace bench {

inline constexpr std::size_t kibibyte = 1024;
inline constexpr std::size_t mebibyte = 1024 * kibibyte;

inline constexpr int kept_bytes = 128 << 20;  // of what is freed, so that blocks of up to a quarter of it are kept

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

using Memory = std::shared_ptr<char[]>;  // NOLINT(modernize-avoid-c-arrays)

/// Begins where a page does, and none of its pages is new when it is measured.
inline Memory touched_memory(std::size_t size, bool in_large_pages = false) {
  Memory memory(static_cast<char*>(std::aligned_alloc(4 * kibibyte, size)), std::free);
  if (!memory) throw std::bad_alloc();
  if (in_large_pages) accrete::prefer_huge_pages(std::as_writable_bytes(std::span(memory.get(), size)));
  std::memset(memory.get(), 'x', size);
  return memory;
}

inline void check(bool holds) {
  if (!holds) throw std::runtime_error("what was read is not what was written");
}

}  // namespace bench
