// Hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

namespace accrete {

inline constexpr std::string_view lower_hex_digits = "0123456789abcdef";
inline constexpr std::string_view upper_hex_digits = "0123456789ABCDEF";

/// Appends the two digits of a byte.
inline void append_hex(std::string& to, char byte, std::string_view digits = lower_hex_digits) {
  const auto value = static_cast<unsigned char>(byte);
  to += digits[value >> 4];
  to += digits[value & 0xF];
}

}  // namespace accrete
