// The methods of compression: the number that stands for each in a frame, names and levels.
#pragma once

#include <accrete/codec.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace accrete {

enum class Method : std::uint8_t { stored = 0, lz4 = 1, zstd = 2, snappy = 3, zlib = 4, bz2 = 5, blosc = 6 };

struct MethodInfo {
  std::string_view name{};
  std::string_view level_name = "level";
  int min_level = 0;  ///< level; all three are 0 where there are no levels
  int max_level = 0;
  int default_level = 0;
};

/// In the order of their numbers.
inline constexpr std::array<MethodInfo, 7> methods = {{
    {.name = "stored"},
    {.name = "lz4"},
    {.name = "zstd", .min_level = 1, .max_level = 22, .default_level = 3},
    {.name = "snappy"},
    {.name = "zlib", .min_level = 1, .max_level = 9, .default_level = 6},
    {.name = "bz2", .min_level = 1, .max_level = 9, .default_level = 9},
    {.name = "blosc", .level_name = "element size", .min_level = 1, .max_level = 255, .default_level = 8},
}};

[[nodiscard]] constexpr const MethodInfo& info_of(Method method) noexcept {
  return methods[static_cast<std::size_t>(method)];
}

/// What a codec is made of.
struct CodecAccess {
  [[nodiscard]] static Codec join(Method method, int level) noexcept {
    return {static_cast<std::uint8_t>(method), level};
  }
  [[nodiscard]] static Method method(const Codec& codec) noexcept { return static_cast<Method>(codec.method_); }
  [[nodiscard]] static int level(const Codec& codec) noexcept { return codec.level_; }
};

}  // namespace accrete
