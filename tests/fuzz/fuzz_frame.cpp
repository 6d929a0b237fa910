// Fuzzes the decoding of frames, also after right checksums: it gives as many bytes as the headers say, or an error.
#include <accrete/error.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "codec/frame_decoder.hpp"
#include "support/require.hpp"

namespace {

using namespace accrete;

constexpr std::uint64_t limit_bytes = std::uint64_t{4} << 20;

void decode(std::string_view encoded) {
  static FrameDecoder decoder;  // also what one input leaves in it must not harm the next
  try {
    const std::string value = decode_value(encoded, decoder, {.key = "k", .limit_bytes = limit_bytes});
    test::require(value.size() == decoded_size(encoded), "a value has the size that its headers say");
    test::require(decode_range(encoded, value.size() / 3, value.size() / 2, decoder) ==
                      value.substr(value.size() / 3, value.size() / 2),
                  "a range is what the value has there");
  } catch (const CorruptionError&) {
  } catch (const UnsupportedError&) {
  } catch (const TooLargeError&) {
  }
}

/// With the last frame cut to what is there, and the checksums that belong to the bytes.
std::string sealed(std::string bytes) {
  for (std::size_t offset = 0; bytes.size() - offset >= frame_header_size;) {
    ByteReader reader(std::string_view(bytes).substr(offset + frame_magic.size()));
    FrameHeader header;
    header.version = reader.integer<std::uint8_t>();
    header.method = reader.integer<std::uint8_t>();
    header.decoded_size = reader.integer<std::uint32_t>();
    header.encoded_size = reader.integer<std::uint32_t>();
    const std::span<char> place = std::span(bytes).subspan(offset).first<frame_header_size>();
    offset += frame_header_size;
    header.encoded_size = static_cast<std::uint32_t>(std::min<std::size_t>(header.encoded_size, bytes.size() - offset));
    header.checksum = frame_checksum(header, std::string_view(bytes).substr(offset, header.encoded_size));
    encode_frame_header(header, std::span<char, frame_header_size>(place));
    offset += header.encoded_size;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  decode(bytes);
  decode(sealed(std::string(bytes)));
  return 0;
}
