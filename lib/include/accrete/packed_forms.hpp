// What the first byte of an object of MessagePack says. Not to be used directly.
#pragma once

#include <cstdint>

namespace accrete {

enum class PackedKind : std::uint8_t {
  nil,
  boolean,
  unsigned_integer,
  signed_integer,
  float32,
  float64,
  string,
  binary,
  extension,
  array,
  map,
  invalid,  ///< 0xC1, which the format never uses
};

/// What the first byte of an object says.
struct PackedForm {
  PackedKind kind = PackedKind::invalid;
  std::uint8_t number_bytes = 0;  ///< that follow, in big-endian order
  std::uint8_t number = 0;        ///< if none follow: it stands in the first byte
};

constexpr PackedForm packed_form(unsigned char first) noexcept {
  const auto low = [first](unsigned mask) { return static_cast<std::uint8_t>(first & mask); };
  const auto power = [first](unsigned of_one) { return static_cast<std::uint8_t>(1U << (first - of_one)); };
  if (first < 0x80) return {PackedKind::unsigned_integer, 0, first};
  if (first < 0x90) return {PackedKind::map, 0, low(0x0F)};
  if (first < 0xA0) return {PackedKind::array, 0, low(0x0F)};
  if (first < 0xC0) return {PackedKind::string, 0, low(0x1F)};
  if (first == 0xC0) return {PackedKind::nil, 0, 0};
  if (first == 0xC1) return {PackedKind::invalid, 0, 0};
  if (first < 0xC4) return {PackedKind::boolean, 0, low(0x01)};
  if (first < 0xC7) return {PackedKind::binary, power(0xC4), 0};
  if (first < 0xCA) return {PackedKind::extension, power(0xC7), 0};
  if (first == 0xCA) return {PackedKind::float32, 4, 0};
  if (first == 0xCB) return {PackedKind::float64, 8, 0};
  if (first < 0xD0) return {PackedKind::unsigned_integer, power(0xCC), 0};
  if (first < 0xD4) return {PackedKind::signed_integer, power(0xD0), 0};
  if (first < 0xD9) return {PackedKind::extension, 0, power(0xD4)};
  if (first < 0xDC) return {PackedKind::string, power(0xD9), 0};
  if (first < 0xDE) return {PackedKind::array, power(0xDB), 0};
  if (first < 0xE0) return {PackedKind::map, power(0xDD), 0};
  return {PackedKind::signed_integer, 0, first};
}

}  // namespace accrete
