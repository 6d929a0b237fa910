// Fuzzes the decoders of a buffer's journal: what is decoded is what is encoded.
#include <accrete/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/record.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "support/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accrete;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    static_cast<void>(decode_buffer_segment_front(bytes));
  } catch (const UnsupportedError&) {
  }
  try {
    const BufferPayload payload = decode_buffer_payload(bytes);
    std::string again;
    if (payload.step) {
      encode_buffer_step(*payload.step, again);
    } else if (!payload.ended.empty()) {
      encode_ended_writers(payload.ended, again);
    } else {
      BufferBatches batches(again);
      for (const BufferedBatch& batch : payload.batches) batches.add(batch);
      batches.add_places(payload.places);
    }
    test::require(again.substr(record_header_size) == bytes, "a payload is written in one way");
  } catch (const CorruptionError&) {
  }
  return 0;
}
