// Pins the journal of a buffer: a segment with batches and steps is, byte for byte, what is kept in `buffer` beside
// this file. With WRITE_GOLDEN set it is made anew: only for a new format version.
#include <array>
#include <cstdlib>
#include <doctest/doctest.h>

#include "base/record.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "support/file_bytes.hpp"
#include "support/model.hpp"

namespace accrete::test {
namespace {

constexpr std::uint64_t nonce = 0x1122334455667788;

std::string golden_file() {
  const char* folder = std::getenv("GOLDEN");
  REQUIRE_MESSAGE(folder != nullptr, "GOLDEN names the folder of the golden files");
  return std::string(folder) + "/buffer";
}

std::string sample_segment() {
  const BufferSegmentHeader header{.synced = true,
                                   .closed = false,
                                   .journal = writer_id(1),
                                   .number = 3,
                                   .nonce = nonce,
                                   .previous_end = 0x0102030405060708};
  std::string segment = encode_buffer_segment_front(header);
  const auto add = [&](std::string& record) {
    seal_record(record, nonce, segment.size(), segment.size());
    segment += record;
  };
  std::string record;
  const std::array<Entry, 2> entries = {Entry{"a", "Hello "}, Entry{"b", ""}};
  BufferBatches batches(record);
  batches.add({.entries = entries});
  batches.add({.id = BatchId{writer_id(2), 5}, .session = BatchId{writer_id(3), 6}, .entries = entries});
  add(record);
  BufferBatches placed(record);
  placed.add({.entries = entries});
  placed.add({.entries = std::span(entries).last(1)});
  placed.add_places(std::array{BufferPlace{.entry = 0, .stored = 0, .after = 12},
                               BufferPlace{.entry = 2, .stored = 0x0102030405060708, .after = 0x1112131415161718}});
  add(record);
  encode_buffer_step({.kind = BufferStep::Kind::erase, .number = 8, .key = "a"}, record);
  add(record);
  encode_buffer_step({.kind = BufferStep::Kind::not_done, .number = 8}, record);
  add(record);
  encode_buffer_step({.kind = BufferStep::Kind::drop, .number = 9}, record);
  add(record);
  encode_buffer_step({.kind = BufferStep::Kind::done, .number = 9}, record);
  add(record);
  encode_ended_writers(std::array{BatchId{writer_id(2), 5}, BatchId{writer_id(3), 0x0102030405060708}}, record);
  add(record);
  return segment;
}

TEST_CASE("a buffer's journal is written today as the golden file holds it") {
  if (std::getenv("WRITE_GOLDEN")) write_file(golden_file(), sample_segment());
  CHECK((sample_segment() == read_file(golden_file())));
}

TEST_CASE("the golden journal is read") {
  const std::string segment = read_file(golden_file());
  const auto header = decode_buffer_segment_front(segment);
  REQUIRE(header);
  CHECK(header->synced);
  CHECK_FALSE(header->closed);
  CHECK(header->number == 3);
  CHECK(header->previous_end == 0x0102030405060708);
  std::size_t offset = buffer_segment_front_size;
  std::vector<BufferPayload> payloads;
  while (offset < segment.size()) {
    const std::string_view rest = std::string_view(segment).substr(offset);
    const auto record = try_decode_record_header(rest, header->nonce, offset);
    REQUIRE(record);
    const std::string_view payload = rest.substr(record_header_size, record->size);
    REQUIRE(is_whole(*record, payload, header->nonce, offset));
    payloads.push_back(decode_buffer_payload(payload));
    offset += record_size(record->size);
  }
  REQUIRE(payloads.size() == 7);
  REQUIRE(payloads[0].batches.size() == 2);
  CHECK(payloads[0].batches[1].id->sequence == 5);
  CHECK(payloads[0].batches[1].session->sequence == 6);
  CHECK(payloads[0].batches[0].entries[0].bytes == "Hello ");
  CHECK(payloads[0].places.empty());
  REQUIRE(payloads[1].places.size() == 2);
  CHECK(payloads[1].places[1].entry == 2);
  CHECK(payloads[1].places[1].stored == 0x0102030405060708);
  CHECK(payloads[1].places[1].after == 0x1112131415161718);
  CHECK(payloads[2].step->kind == BufferStep::Kind::erase);
  CHECK(payloads[2].step->key == "a");
  CHECK(payloads[3].step->kind == BufferStep::Kind::not_done);
  CHECK(payloads[4].step->kind == BufferStep::Kind::drop);
  CHECK(payloads[5].step->kind == BufferStep::Kind::done);
  CHECK(payloads[5].step->number == 9);
  REQUIRE(payloads[6].ended.size() == 2);
  CHECK(payloads[6].ended[0].writer == writer_id(2));
  CHECK(payloads[6].ended[1].sequence == 0x0102030405060708);
}

}  // namespace
}  // namespace accrete::test
