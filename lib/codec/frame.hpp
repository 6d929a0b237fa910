// The frame: how the bytes of a value stand once they have been through a codec.
//
//   value   = *frame                                      ; so values that are joined decode to what they hold, joined
//   frame   = header payload
//   header  = magic:u16 version:u8 method:u8 decoded_size:u32 encoded_size:u32 header_check:u32 checksum:u64
//   method  = %x00 / %x01 / %x02 / %x03 / %x04 / %x05 / %x06  ; stored / lz4 / zstd / snappy / zlib / bz2 / blosc
//   payload = encoded_size*OCTET                          ; the bytes themselves / an LZ4 block / a zstd frame /
//                                                         ; raw snappy / a zlib stream / a bzip2 stream / a blosc chunk
//
// All integers are little-endian; magic is 0xACF5. `header_check` is the lower half of the XXH3-64 of the 12 bytes
// before it, and `checksum` the XXH3-64 of the payload, seeded with the whole of that. So sizes can be trusted without
// a look at the payload, and every byte is covered. `decoded_size` is 1 to 2^20, and `encoded_size` 1 to
// `decoded_size`: what compressing does not make smaller is stored. A version may change what stands in the payload,
// not the header, so that sizes can always be added up. A method or version that is not known counts as such once the
// checksum is right, and as damage otherwise.
//
// These are not the `.lz4` and `.zst` formats, and their programs do not read them: here the sizes and the checksums
// are in the same place for all methods, so that frames can be counted and passed over by their headers alone, and
// every damaged byte is noticed.
//
// The least that a header and a payload take, and the most that they claim, is 25 bytes and 1 MiB: a value may decode
// to 40,000 times its size, and those who decode set a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "codec/method.hpp"

namespace accrete {

inline constexpr std::string_view frame_magic = "\xF5\xAC";  // what each begins with
inline constexpr std::size_t frame_header_size = 2 + 1 + 1 + 4 + 4 + 4 + 8;
inline constexpr std::size_t max_frame_bytes = std::size_t{1} << 20;  // decoded
inline constexpr std::uint8_t frame_version = 1;

/// Where a frame begins, for messages.
struct FramePlace {
  std::string_view key{};    ///< whose value it is of; may be empty
  std::uint64_t offset = 0;  ///< in the value's encoding
};

struct FrameHeader {
  std::uint8_t version = frame_version;
  std::uint8_t method = 0;
  std::uint32_t decoded_size = 0;
  std::uint32_t encoded_size = 0;
  std::uint64_t checksum = 0;
};

struct Frame {
  FrameHeader header{};
  std::string_view payload{};
  FramePlace place{};
};

/// The checksum that belongs to a header and its payload.
[[nodiscard]] std::uint64_t frame_checksum(const FrameHeader& header, std::string_view payload) noexcept;

/// Whether every byte is as it was written.
[[nodiscard]] inline bool is_intact(const Frame& frame) noexcept {
  return frame_checksum(frame.header, frame.payload) == frame.header.checksum;
}

void encode_frame_header(const FrameHeader& header, std::span<char, frame_header_size> to) noexcept;

/// The header of the frame that `bytes` begin with; nullopt if they end before it does. It is as it was written; the
/// payload has not been looked at. Throws CorruptionError if there is no header, or a damaged one.
[[nodiscard]] std::optional<FrameHeader> try_decode_frame_header(std::string_view bytes, const FramePlace& place);

/// Goes over the frames of a value by their headers.
class FrameCursor {
 public:
  explicit FrameCursor(std::string_view encoded, const FramePlace& place = {}) noexcept
      : left_(encoded), place_(place) {}

  /// nullopt after the last. Throws CorruptionError for what is no frame, or not all of one.
  [[nodiscard]] std::optional<Frame> next();

 private:
  std::string_view left_;
  FramePlace place_;
};

/// As many of the bytes as make whole frames, by their headers. Throws CorruptionError for what is no frame.
[[nodiscard]] std::string_view whole_frames(std::string_view encoded, const FramePlace& place);

/// What the frames of a value say that they decode to, together. Throws CorruptionError.
[[nodiscard]] std::uint64_t decoded_size(std::string_view encoded, const FramePlace& place = {});

/// "the value of 'key'", for messages.
[[nodiscard]] std::string value_name(std::string_view key);

[[noreturn]] void throw_damaged_frame(const FramePlace& place, std::string_view cause);

}  // namespace accrete
