// Integers that take as many bytes as their differences need. Those of a piece of a table are row numbers, sizes, and
// what the table was cut by, which is one number for all: as they are, they would be half of what is kept.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace accrete::python {

/// Whether integers of so many bytes can be narrowed.
[[nodiscard]] constexpr bool is_integer_size(std::uint32_t size) noexcept {
  return size == 2 || size == 4 || size == 8;
}

struct Narrowed {
  std::uint64_t base = 0;   ///< added to each
  std::uint32_t width = 0;  ///< bytes of each: 0, 1, 2, 4, or those that it had
};

/// Appends little-endian integers of `size` bytes each to `out`, narrowed.
[[nodiscard]] Narrowed narrow(std::string_view integers, std::uint32_t size, std::string& out);

/// Fills `to` with integers of `size` bytes, from `stored`, which has one of `narrowed.width` bytes for each.
void widen(std::string_view stored, const Narrowed& narrowed, std::uint32_t size, std::span<char> to);

}  // namespace accrete::python
