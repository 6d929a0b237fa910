// Fuzzes the decoder of intent records: what is decoded is what is encoded.
#include <accrete/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "layout/files/intent.hpp"
#include "support/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accrete;
  const std::string_view record(reinterpret_cast<const char*>(data), size);
  try {
    const Intent intent = decode_intent(record);
    std::string again;
    encode_intent(intent, again);
    test::require(again == record, "an intent is written in one way");
  } catch (const CorruptionError&) {
  }
  return 0;
}
