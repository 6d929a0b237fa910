// The heads of MessagePack's objects: what is packed is read, in the shortest of its forms.
#include "typed/packed_token.hpp"

#include <array>
#include <doctest/doctest.h>
#include <limits>

namespace accrete::test {
namespace {

template <typename Pack, typename Value>
PackedToken packed(Pack pack, const Value& value, std::size_t head_bytes) {
  std::string bytes;
  pack(bytes, value);
  const auto token = read_packed_token(bytes);
  REQUIRE(token);
  CHECK(token->head_bytes == head_bytes);
  for (std::size_t size = 0; size < head_bytes; ++size)
    CHECK_FALSE(read_packed_token(bytes.substr(0, size)).has_value());
  return *token;
}

TEST_CASE("integers are packed in the shortest form and keep their value") {
  using Case = std::pair<std::uint64_t, std::size_t>;
  for (const auto& [value, size] :
       {Case{0, 1}, Case{127, 1}, Case{128, 2}, Case{255, 2}, Case{256, 3}, Case{65535, 3}, Case{65536, 5},
        Case{0xFFFFFFFF, 5}, Case{0x100000000, 9}, Case{std::numeric_limits<std::uint64_t>::max(), 9}}) {
    const PackedToken token = packed(pack_unsigned, value, size);
    CHECK(token.kind == PackedKind::unsigned_integer);
    CHECK(token.number == value);
  }
  using Signed = std::pair<std::int64_t, std::size_t>;
  for (const auto& [value, size] :
       {Signed{-1, 1}, Signed{-32, 1}, Signed{-33, 2}, Signed{-128, 2}, Signed{-129, 3}, Signed{-32768, 3},
        Signed{-32769, 5}, Signed{std::numeric_limits<std::int32_t>::min(), 5}, Signed{-2147483649, 9},
        Signed{std::numeric_limits<std::int64_t>::min(), 9}}) {
    const PackedToken token = packed(pack_signed, value, size);
    CHECK(token.kind == PackedKind::signed_integer);
    CHECK(static_cast<std::int64_t>(token.number) == value);
  }
  CHECK(packed(pack_signed, 300, 3).kind == PackedKind::unsigned_integer);
}

TEST_CASE("strings, arrays and maps are packed in the shortest form and keep their size") {
  using Case = std::pair<std::size_t, std::size_t>;
  for (const auto& [size, head_bytes] :
       {Case{0, 1}, Case{31, 1}, Case{32, 2}, Case{255, 2}, Case{256, 3}, Case{65536, 5}}) {
    CHECK(packed(pack_string, std::string(size, 'x'), head_bytes).number == size);
  }
  for (const auto& [size, head_bytes] : {Case{0, 1}, Case{15, 1}, Case{16, 3}, Case{65535, 3}, Case{65536, 5}}) {
    CHECK(packed(pack_array_head, size, head_bytes).objects_inside() == size);
    CHECK(packed(pack_map_head, size, head_bytes).objects_inside() == 2 * size);
  }
}

TEST_CASE("floats keep their bits, and no byte is read as two things") {
  CHECK(packed_float64(packed(pack_float64, -0.5, 9)) == -0.5);
  CHECK(packed_float32(*read_packed_token({"\xca\x3f\x00\x00\x00", 5})) == 0.5F);
  std::array<int, 12> forms{};
  for (int first = 0; first < 256; ++first) {
    std::string bytes(10, '\0');
    bytes[0] = static_cast<char>(first);
    ++forms[static_cast<std::size_t>(read_packed_token(bytes)->kind)];
  }
  CHECK((forms == std::array{1, 2, 128 + 4, 32 + 4, 1, 1, 32 + 3, 3, 3 + 5, 16 + 2, 16 + 2, 1}));
}

}  // namespace
}  // namespace accrete::test
