// Fuzzes the decoders of the wire protocol: what is decoded is what is encoded. The first byte picks the decoder. A
// message is given the version and the checksum that it should have, which no mutation would hit.
#include <accrete/error.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "net/decoder.hpp"
#include "net/protocol.hpp"
#include "net/reply_reader.hpp"
#include "support/require.hpp"

namespace {

using namespace accrete;

std::string sealed(std::string_view message) {
  std::string bytes(message);
  if (bytes.size() < wire::header_size) return bytes;
  bytes[sizeof wire::magic] = static_cast<char>(wire::version);
  std::string checksum;
  append_le(checksum, wire::checksum_of(bytes));
  return bytes.replace(wire::checksum_offset, checksum.size(), checksum);
}

/// Of as many values as the head says: who asks for others is told so by the first number.
LocatedValues read_located(std::string_view bytes) {
  constexpr std::size_t before_count = wire::located_head_size - sizeof(std::uint32_t);
  ByteReader head(bytes.substr(std::min(bytes.size(), before_count)));
  LocatedReader reader(std::min<std::size_t>(head.integer<std::uint32_t>(), bytes.size()));
  reader.add(bytes);
  return std::move(reader.located());
}

constexpr std::uint8_t decoders = 11;  // the first two are of messages

std::string again(std::uint8_t decoder, std::string_view bytes) {
  std::string encoded;
  switch (decoder % decoders) {
    case 0:
      wire::encode_request(wire::decode_request(bytes), encoded);
      return encoded;
    case 1:
      wire::encode_reply(wire::decode_reply(bytes), encoded);
      return encoded;
    case 2:
      return wire::encode_size(wire::decode_size(bytes));
    case 3:
      return wire::encode_list(wire::decode_list(bytes));
    case 4:
      return wire::encode_stats(wire::decode_stats(bytes));
    case 5:
      return wire::encode_values(wire::decode_values(bytes));
    case 6:
      wire::encode_located(read_located(bytes), [&](std::string_view piece) { encoded += piece; });
      return encoded;
    case 7:
      return wire::encode_server_stats(wire::decode_server_stats(bytes));
    case 8:
      return wire::encode_flag(wire::decode_flag(bytes));
    case 9:
      return wire::encode_attribute(wire::decode_attribute(bytes));
    default:
      return wire::encode_key_list_change(wire::decode_key_list_change(bytes));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool is_message = data[0] % decoders < 2;
  const std::string_view raw(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string bytes = is_message ? sealed(raw) : std::string(raw);
  static_cast<void>(wire::request_id_of(bytes));
  try {
    const std::string encoded = again(data[0], bytes);
    test::require(encoded == bytes, "what is read is written the same way");
  } catch (const NetworkError&) {
  }
  return 0;
}
