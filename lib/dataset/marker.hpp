// The marker of a dataset, `.accrete`: what makes a directory one, and how it lies on disk.
//
//   marker  = "accrete dataset\n" *(field) "checksum " 16HEX "\n"
//   field   = name " " value "\n"
//   name    = "format" / "layout" / "codec" / "uuid" / "temporary"
//
// `codec` is "none" for raw values, or the name of a codec (accrete/codec.hpp) for values of frames (codec/frame.hpp).
// Each field stands once, in this order; `temporary yes` only in a temporary dataset. `checksum` is the XXH3-64 of all
// bytes before its line. It is text so that `head dataset/.accrete` tells a person what this is. A newer format may
// change all but the first two lines; an unknown format is reported as such before the checksum is looked at, an
// unknown codec or layout after it.
#pragma once

#include <accrete/codec.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accrete {

inline constexpr std::uint32_t newest_format = 1;

struct Marker {
  std::uint32_t format = newest_format;
  std::string layout{};
  std::optional<Codec> codec{};
  std::string uuid{};  ///< 8-4-4-4-12 lower-case hexadecimal digits
  bool temporary = false;

  friend bool operator==(const Marker&, const Marker&) = default;
};

[[nodiscard]] std::string encode_marker(const Marker& marker);

/// Throws CorruptionError, or UnsupportedError for a newer format or an unknown codec. `path` is for
/// messages.
[[nodiscard]] Marker decode_marker(std::string_view text, const std::string& path);

}  // namespace accrete
