// Fuzzes the decoder of journal records: what is decoded is what is encoded.
#include <accrete/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "layout/files/journal.hpp"
#include "support/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accrete;
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  try {
    const JournalRecord record = decode_journal_payload(payload);
    JournalPayload again(record.id, static_cast<std::uint32_t>(record.entries.size()));
    for (const JournalEntry& entry : record.entries) {
      again.add_entry(entry.key, entry.old_size, entry.bytes.size());
      again.add_bytes(entry.bytes);
    }
    test::require(again.str() == payload, "a record is written in one way");
  } catch (const CorruptionError&) {
  }
  return 0;
}
