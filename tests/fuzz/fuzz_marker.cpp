// Fuzzes the decoder of markers, also after a right checksum: what is decoded is what is encoded.
#include <accrete/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/fields.hpp"
#include "dataset/marker.hpp"
#include "support/require.hpp"

namespace {

void decode(const std::string& text) {
  using namespace accrete;
  try {
    const Marker marker = decode_marker(text, "marker");
    test::require(encode_marker(marker) == text, "a marker is written in one way");
  } catch (const CorruptionError&) {
  } catch (const UnsupportedError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  decode(text);
  decode(text + accrete::checksum_line(text));
  return 0;
}
