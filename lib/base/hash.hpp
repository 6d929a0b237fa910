// The fixed hash: XXH3, which is the same on every machine and in every version, so it may reach a disk.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace accrete {

[[nodiscard]] std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) noexcept;

/// In the canonical (big-endian) byte order of xxHash.
[[nodiscard]] std::array<std::byte, 16> hash128(std::string_view bytes) noexcept;

}  // namespace accrete
