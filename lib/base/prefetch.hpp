// Asks the processor for memory before it is needed.
#pragma once

#include <cstddef>

namespace accrete {

inline constexpr std::size_t cache_line_size = 64;

inline void prefetch_to_read(const void* at) noexcept { __builtin_prefetch(at); }

/// All cache lines of the `size` bytes that stand at `at`.
inline void prefetch_to_write(const void* at, std::size_t size) noexcept {
  const char* const begin = static_cast<const char*>(at);
  for (std::size_t offset = 0; offset < size; offset += cache_line_size) __builtin_prefetch(begin + offset, 1);
  if (size > 0) __builtin_prefetch(begin + size - 1, 1);
}

}  // namespace accrete
