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
  int lowest = 0;  ///< level; all three are 0 where there are no levels
  int highest = 0;
  int usual = 0;
  bool has_entropy_coding = false;  ///< bytes that are not equally frequent get smaller, whatever their order
};

/// In the order of their numbers.
inline constexpr std::array<MethodInfo, 7> methods = {{
    {.name = "stored"},
    {.name = "lz4"},
    {.name = "zstd", .lowest = 1, .highest = 22, .usual = 3, .has_entropy_coding = true},
    {.name = "snappy"},
    {.name = "zlib", .lowest = 1, .highest = 9, .usual = 6, .has_entropy_coding = true},
    {.name = "bz2", .lowest = 1, .highest = 9, .usual = 9, .has_entropy_coding = true},
    {.name = "blosc", .level_name = "element size", .lowest = 1, .highest = 255, .usual = 8},
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
