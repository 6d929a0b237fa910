// The elements that packed keys are made of: see key_packing.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace accrete::python {

inline constexpr char byte_kind = '\x01';
inline constexpr char text_kind = '\x02';
inline constexpr char tuple_kind = '\x05';
inline constexpr int zero_kind = 0x14;  // of the int 0
inline constexpr int max_int_bytes = 8;
inline constexpr char element_end = '\0';
inline constexpr char element_escape = '\xFF';  // after a zero that is no end

/// The bytes that a magnitude needs.
[[nodiscard]] int bytes_of(std::uint64_t magnitude) noexcept;
[[nodiscard]] std::uint64_t max_of_bytes(int count) noexcept;

/// Each appends one element.
void pack_int(std::string& out, std::uint64_t magnitude, bool is_negative);
void pack_bytes(std::string& out, std::string_view bytes);
void pack_text(std::string& out, std::string_view utf8);

}  // namespace accrete::python
