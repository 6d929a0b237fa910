// Decodes frames, and the values that they make.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/interruptible_work.hpp"
#include "codec/frame.hpp"
#include "codec/library.hpp"

namespace accrete {

/// For one thread at a time. Keeps the memory of the libraries that it has needed: for its like to be used by many
/// threads, see Pool.
class FrameDecoder {
 public:
  /// Writes exactly as many bytes as the header says, once the checksum is found right. Throws CorruptionError, and
  /// UnsupportedError for a frame of a newer version, or of a method that this build lacks; and, between two frames,
  /// InterruptedError.
  void decode(const Frame& frame, std::span<char> to);

  /// Writes the bytes from `from` on that fill `to`; the frame has as many.
  void decode_part(const Frame& frame, std::size_t from, std::span<char> to);

 private:
  [[nodiscard]] Decompressor& decompressor_for(const Frame& frame);

  std::array<std::unique_ptr<Decompressor>, methods.size()> decompressors_{};  // made when first needed
  std::vector<char> whole_{};                                                  // of a frame of which a part is wanted
  InterruptibleWork work_{};
};

struct DecodeOptions {
  std::string_view key{};                              ///< whose value it is, for messages
  std::uint64_t begin = 0;                             ///< where the bytes begin in its encoding, for messages
  std::uint64_t limit_bytes = std::uint64_t{4} << 30;  ///< more decoded bytes than this are not made
  std::uint64_t taken_bytes = 0;                       ///< of the limit, by what was decoded before
};

/// Throws TooLargeError if `size` more decoded bytes are too many.
void check_decode_limit(std::uint64_t size, const DecodeOptions& options);

/// Appends all that `encoded` holds to `to`, which is as before when it throws CorruptionError, UnsupportedError, or,
/// before there is memory for anything, TooLargeError.
void append_decoded(std::string_view encoded, FrameDecoder& decoder, const DecodeOptions& options, std::string& to);

/// All that `encoded` holds. Throws as above.
[[nodiscard]] std::string decode_value(std::string_view encoded, FrameDecoder& decoder,
                                       const DecodeOptions& options = {});

/// Up to `size` of the decoded bytes from `offset` on. Only the frames that hold them are decoded, and checked against
/// their checksums.
[[nodiscard]] std::string decode_range(std::string_view encoded, std::uint64_t offset, std::uint64_t size,
                                       FrameDecoder& decoder, const DecodeOptions& options = {});

}  // namespace accrete
