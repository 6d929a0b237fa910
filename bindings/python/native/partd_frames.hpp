// Frames, of which the value of a key is made where something encodes what is appended.
//
//   frame      = own-frame / partds-frame
//   own-frame  = u64 (frame_mark + size) u64 checksum *byte    ; XXH3-64 of the bytes, seeded with the first number
//   partds-frame = u64 size *byte
//
// All little-endian. partd's has no mark, since no frame is that long; it is read, and never written.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "python.hpp"

namespace accrete::python {

/// The frame of all the parts, one after the other, as bytes.
[[nodiscard]] Reference framed(std::span<const std::string_view> parts);

/// What the frames hold. Throws CorruptionError if one is cut or changed.
[[nodiscard]] std::vector<std::string_view> frames_of(std::string_view value);

}  // namespace accrete::python
