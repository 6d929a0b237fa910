// XXH3 by AVX2, which makes twice as much of it in the same time; the hashes are the same. Built for x86-64 only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace accrete {

/// For a processor that has AVX2. (The types are bare, so that no inline function of theirs is compiled for AVX2 only.)
[[nodiscard]] std::uint64_t hash64_avx2(const char* bytes, std::size_t size, std::uint64_t seed) noexcept;

}  // namespace accrete
