// Fuzzes the decoder of attributes, also after a right checksum: what is decoded is what is encoded.
#include <accrete/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/attributes.hpp"
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "support/require.hpp"

namespace {

using namespace accrete;

void decode(const std::string& bytes) {
  try {
    const Attributes attributes = Attributes::decode(bytes, "attributes");
    test::require(attributes.encode() == bytes, "attributes are written in one way");
  } catch (const CorruptionError&) {
  } catch (const UnsupportedError&) {
  }
}

/// As a file of the newest format holds them.
std::string sealed(const std::string& bytes) {
  const std::string empty = Attributes().encode();
  std::string front = empty.substr(0, empty.size() - sizeof(std::uint64_t));
  append_le(front, hash64(bytes, 1));
  return front + bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  decode(bytes);
  decode(sealed(bytes));
  return 0;
}
