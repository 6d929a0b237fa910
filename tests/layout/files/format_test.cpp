// The encoders and decoders of the formats on disk: what is encoded is decoded, and nothing else is.
#include <accrete/error.hpp>
#include <doctest/doctest.h>

#include "dataset/marker.hpp"
#include "layout/files/intent.hpp"
#include "layout/files/journal.hpp"
#include "support/model.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

std::optional<Intent> try_decode_intent(std::string_view record) {
  try {
    return decode_intent(record);
  } catch (const CorruptionError&) {
    return std::nullopt;
  }
}

TEST_CASE("a marker survives encoding, temporary or not") {
  const Marker marker{.layout = "files", .uuid = "01234567-89ab-4cde-8f01-23456789abcd"};
  Marker temporary = marker;
  temporary.temporary = true;
  CHECK(decode_marker(encode_marker(marker), "m") == marker);
  CHECK(decode_marker(encode_marker(temporary), "m") == temporary);
  CHECK(encode_marker(marker).starts_with("accrete dataset\nformat 1\nlayout files\n"));
}

TEST_CASE("random intents survive encoding, and none is decoded from a part of one or from more") {
  Random random(12);
  std::string record;
  for (int i = 0; i < 300; ++i) {
    std::vector<std::string> keys;
    for (std::size_t k = random_below(random, 6); k > 0; --k)
      keys.push_back(random_bytes(random, 1 + random_below(random, 60)));
    Intent intent;
    if (one_in(random, 2)) intent.writer = WriterUpdate{.slot = random()};
    if (intent.writer && one_in(random, 2)) intent.writer->old_sequence = random();
    for (const std::string& key : keys) {
      intent.targets.push_back({.key = key, .old_size = one_in(random, 2) ? std::optional(random()) : std::nullopt});
    }
    encode_intent(intent, record);
    REQUIRE(decode_intent(record) == intent);
    for (std::size_t size = 0; size < record.size(); ++size) {
      REQUIRE_FALSE(try_decode_intent(std::string_view(record).substr(0, size)).has_value());
    }
    REQUIRE_FALSE(try_decode_intent(record + "x").has_value());
  }
}

TEST_CASE("an intent of a kind that its keys do not fit is refused") {
  std::string record;
  const IntentTarget existing{.key = "a", .old_size = 1};
  const IntentTarget created{.key = "a", .old_size = std::nullopt};
  const std::vector<Intent> senseless = {{.kind = Intent::Kind::erase},
                                         {.kind = Intent::Kind::erase, .targets = {created}},
                                         {.kind = Intent::Kind::erase, .targets = {existing, existing}},
                                         {.kind = Intent::Kind::drop, .targets = {existing}},
                                         {.targets = {{.key = "", .old_size = 1}}}};
  for (const Intent& intent : senseless) {
    encode_intent(intent, record);
    CHECK_THROWS_AS(static_cast<void>(decode_intent(record)), CorruptionError);
  }
}

TEST_CASE("a journal payload survives encoding, and none is decoded from a part of one or from more") {
  Random random(13);
  const std::string key = random_bytes(random, 1024);
  for (const bool has_id : {false, true}) {
    const std::optional<BatchId> id = has_id ? std::optional(BatchId{writer_id(3), 77}) : std::nullopt;
    JournalPayload payload(id, 3);
    payload.add_entry("a", std::nullopt, 6);
    payload.add_bytes("by");
    payload.add_bytes("tes!");
    payload.add_entry(key, 12345, 0);
    payload.add_entry("b", 0, 1);
    payload.add_bytes("\n");
    const JournalRecord record = decode_journal_payload(payload.str());
    REQUIRE(record.entries.size() == 3);
    CHECK(record.id.has_value() == has_id);
    if (has_id) CHECK(record.id->sequence == 77);
    CHECK(record.entries[0].bytes == "bytes!");
    CHECK_FALSE(record.entries[0].old_size.has_value());
    CHECK(record.entries[1].key == key);
    CHECK(record.entries[1].old_size == 12345);
    CHECK(record.entries[2].old_size == 0);
    CHECK(record.entries[2].bytes == "\n");
    for (std::size_t size = 0; size < payload.str().size(); ++size) {
      CHECK_THROWS_AS(static_cast<void>(decode_journal_payload(std::string_view(payload.str()).substr(0, size))),
                      CorruptionError);
    }
    CHECK_THROWS_AS(static_cast<void>(decode_journal_payload(payload.str() + "x")), CorruptionError);
  }
}

}  // namespace
}  // namespace accrete::test
