// Tests of base/bytes.hpp.
#include "base/bytes.hpp"

#include <array>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>

#include "support/random_bytes.hpp"

namespace accrete {
namespace {

std::string stored(auto value) {
  std::array<std::byte, sizeof value> bytes{};
  store_le(std::span(bytes), value);
  return std::string(as_string_view(bytes));
}

TEST_CASE("integers are stored with their lowest byte first") {
  CHECK(stored(std::uint8_t{0x12}) == "\x12");
  CHECK(stored(std::uint16_t{0x1234}) == "\x34\x12");
  CHECK(stored(std::uint32_t{0x12345678}) == "\x78\x56\x34\x12");
  CHECK(stored(std::uint64_t{0x123456789ABCDEF0}) == "\xF0\xDE\xBC\x9A\x78\x56\x34\x12");
}

TEST_CASE("append_le adds the bytes that store_le writes") {
  std::string bytes = "x";
  append_le(bytes, std::uint32_t{0x12345678});
  CHECK(bytes == "x\x78\x56\x34\x12");
}

TEST_CASE_TEMPLATE("load_le gives back what store_le was given", T, std::uint8_t, std::uint16_t, std::uint32_t,
                   std::uint64_t) {
  test::Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const auto value = i == 0 ? std::numeric_limits<T>::max() : static_cast<T>(random());
    std::array<std::byte, sizeof(T)> bytes{};
    store_le(std::span(bytes), value);
    REQUIRE(load_le<T>(std::span<const std::byte, sizeof(T)>(bytes)) == value);
  }
}

TEST_CASE("a reader yields integers and strings in the order in which they were appended") {
  std::string bytes;
  append_le(bytes, std::uint16_t{513});
  bytes += "abc";
  append_le(bytes, std::uint64_t{77});
  ByteReader reader(bytes);
  CHECK(reader.integer<std::uint16_t>() == 513);
  CHECK(reader.bytes(3) == "abc");
  CHECK(reader.left() == 8);
  CHECK(reader.integer<std::uint64_t>() == 77);
  CHECK(reader.ok());
  CHECK(reader.at_end());
}

TEST_CASE("a read beyond the end makes a reader not ok for good") {
  ByteReader reader("abc");
  CHECK(reader.integer<std::uint32_t>() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.bytes(1).empty());
  CHECK(reader.integer<std::uint8_t>() == 0);
  CHECK(reader.bytes(0).empty());
  CHECK_FALSE(reader.ok());
}

TEST_CASE("a size near 2^64 cannot wrap a reader's check around") {
  ByteReader reader("abc");
  CHECK(reader.bytes(1) == "a");
  CHECK(reader.bytes(std::numeric_limits<std::size_t>::max()).empty());
  CHECK_FALSE(reader.ok());
}

}  // namespace
}  // namespace accrete
