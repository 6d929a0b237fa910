#include "base/record.hpp"

#include <doctest/doctest.h>

namespace accrete::test {
namespace {

constexpr std::uint64_t nonce = 0x0123456789abcdef;

std::string sealed(std::string_view payload, std::uint64_t offset) {
  std::string record(record_header_size, '?');
  record += payload;
  seal_record(record, nonce, offset, offset);
  return record;
}

bool is_record(std::string_view bytes, std::uint64_t seed, std::uint64_t offset) {
  const auto header = try_decode_record_header(bytes, seed, offset);
  if (!header || header->size > bytes.size() - record_header_size) return false;
  return is_whole(*header, bytes.substr(record_header_size, header->size), seed, offset);
}

TEST_CASE("a sealed record is whole, aligned and says what was durable") {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string record = sealed(std::string(size, 'x'), 4096);
    CHECK(record.size() == record_size(size));
    CHECK(record.size() % record_alignment == 0);
    CHECK(is_record(record, nonce, 4096));
    CHECK(try_decode_record_header(record, nonce, 4096)->durable == 4096);
  }
}

TEST_CASE("a record at another place, or of another use of the file, is none") {
  const std::string record = sealed("payload", 64);
  CHECK_FALSE(is_record(record, nonce, 72));
  CHECK_FALSE(is_record(record, nonce + 1, 64));
}

TEST_CASE("every flipped byte and every cut of a record is noticed") {
  const std::string record = sealed("sixteen bytes ok", 8);
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::string flipped = record;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    CHECK_FALSE(is_record(flipped, nonce, 8));
    CHECK_FALSE(is_record(record.substr(0, i), nonce, 8));
  }
}

}  // namespace
}  // namespace accrete::test
