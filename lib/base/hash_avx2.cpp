// Compiled for AVX2, with xxHash in it. The library's own choice at run time leaves the processor in a state that slows
// what comes next: it does not clear the upper halves of the registers (0.8.1).
#include "base/hash_avx2.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace accrete {

std::uint64_t hash64_avx2(const char* bytes, std::size_t size, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes, size, seed);
}

}  // namespace accrete
