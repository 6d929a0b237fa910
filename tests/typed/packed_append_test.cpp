// What Packed<T> appends: one object an item, whatever an adaptor packs; floats as they are; within bounds.
#include <bit>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <list>
#include <malloc.h>
#include <map>
#include <unordered_map>

#include "typed/packed_values.hpp"

namespace accrete::test {
namespace {

/// Whose adaptor packs these bytes, whatever they are.
struct Raw {
  std::string bytes;
};

/// Whose adaptor packs these bytes in pieces that end after the bytes whose bits are set.
struct Pieces {
  std::string bytes;
  unsigned ends = 0;
};

/// Whose adaptor declares two elements and packs one.
struct Half {
  int first = 0;
};

/// Whose adaptor packs strings without end, and counts them.
struct Endless {
  int* packed = nullptr;
};

constexpr std::size_t endless_piece_bytes = 1000;

/// Whose adaptor packs 32 MiB and throws.
struct Failing {};

}  // namespace
}  // namespace accrete::test

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS) {
  namespace adaptor {

  template <>
  struct pack<accrete::test::Raw> {
    template <typename Stream>
    packer<Stream>& operator()(packer<Stream>& o, const accrete::test::Raw& v) const {
      return o.pack_bin_body(v.bytes.data(), static_cast<std::uint32_t>(v.bytes.size()));
    }
  };
  template <>
  struct pack<accrete::test::Pieces> {
    template <typename Stream>
    packer<Stream>& operator()(packer<Stream>& o, const accrete::test::Pieces& v) const {
      std::size_t begin = 0;
      for (std::size_t end = 1; end <= v.bytes.size(); ++end) {
        if (end < v.bytes.size() && (v.ends >> (end - 1) & 1) == 0) continue;
        o.pack_bin_body(v.bytes.data() + begin, static_cast<std::uint32_t>(end - begin));
        begin = end;
      }
      return o;
    }
  };
  template <>
  struct pack<accrete::test::Half> {
    template <typename Stream>
    packer<Stream>& operator()(packer<Stream>& o, const accrete::test::Half& v) const {
      return o.pack_array(2).pack(v.first);
    }
  };
  template <>
  struct pack<accrete::test::Endless> {
    template <typename Stream>
    packer<Stream>& operator()(packer<Stream>& o, const accrete::test::Endless& v) const {
      o.pack_array(1'000'000);
      for (*v.packed = 0; *v.packed < 1'000'000; ++*v.packed)
        o.pack(std::string(accrete::test::endless_piece_bytes, 'x'));
      return o;
    }
  };
  template <>
  struct pack<accrete::test::Failing> {
    template <typename Stream>
    packer<Stream>& operator()(packer<Stream>& o, const accrete::test::Failing&) const {
      o.pack(std::string(std::size_t{32} << 20, 'x'));
      throw std::runtime_error("not today");
    }
  };

  }  // namespace adaptor
}
}  // namespace msgpack

namespace accrete::test {
namespace {

TEST_CASE("an item that is not one object is refused, and what was stored before stays readable") {
  Packed<Raw> packed{memory_store()};
  const std::string whole = "\x92\x01\xa1x"_b;
  packed.append("k", Raw{whole});
  for (const std::string& bytes :
       {""_b, "\xc1"_b, "\x92\x01"_b, "\x01\x02"_b, "\x91\x01\x01"_b, "\xa2x"_b, "\xa1xy"_b, "\x91\xc1"_b, "\x81\x01"_b,
        "\xd4\x05"_b, "\xdc\x00"_b, "\xdc\x00\x02\x01"_b, "\xd9\x02x"_b, "\xcb\x00"_b, "\xdd\xff\xff\xff\xff"_b}) {
    CAPTURE(bytes.size());
    CHECK_THROWS_WITH_AS(packed.append("k", Raw{bytes}),
                         doctest::Contains("cannot append item 1 to key 'k': its type packs "), InvalidArgumentError);
    const std::vector<Raw> after = {Raw{whole}, Raw{bytes}};
    CHECK_THROWS_WITH_AS(packed.append_items("k", after), doctest::Contains("cannot append item 2 to key 'k': "),
                         InvalidArgumentError);
  }
  CHECK(packed.store().get("k") == whole);
  Packed<Half> halves{memory_store()};
  for (int i = 0; i < 4; ++i) CHECK_THROWS_AS(halves.append("k", {i}), InvalidArgumentError);
  CHECK_FALSE(halves.store().size("k").has_value());
}

TEST_CASE("in whatever pieces an item is packed, it is stored if it is one object") {
  const auto for_all_pieces = [](const std::string& bytes, const auto& check) {
    for (unsigned ends = 0; ends < 1U << (bytes.size() - 1); ++ends) check(Pieces{bytes, ends});
  };
  Packed<Pieces> packed{memory_store()};
  for (const std::string& bytes :
       {"\x01"_b, "\xc0"_b, "\xcd\x01\x02"_b, "\xa2xy"_b, "\x92\x01\xa2xy"_b, "\x92\xa1x\x90"_b,
        "\x81\xa1k\xc4\x02\x01\x02"_b, "\xd5\x05\x01\x02"_b, "\xc7\x01\xff\x01"_b, "\xdc\x00\x02\xd9\x01\xa1\x02"_b,
        "\xde\x00\x01\x80\x91\xa0"_b, "\xca\x01\x02\x03\x04"_b, "\xc4\x00"_b}) {
    for_all_pieces(bytes, [&](const Pieces& item) {
      packed.append("k", item);
      REQUIRE(packed.store().get("k") == bytes);
      packed.store().erase("k");
    });
  }
  for (const std::string& bytes :
       {"\xc1"_b, "\x01\x91"_b, "\x90\x01"_b, "\x92\xa2\x01x"_b, "\x92\xa2\x01xy\x05"_b, "\xa2x"_b, "\xa1xy"_b,
        "\x91\xc1"_b, "\x82\x01\x02\x03"_b, "\xd5\x05\x01"_b, "\xc7\x02\xff\x01"_b, "\xdc\x00\x02\x01"_b, "\xa0\xa0"_b,
        "\x93\x01\xa2\x01"_b, "\xc4\x01"_b}) {
    for_all_pieces(bytes, [&](const Pieces& item) {
      REQUIRE_THROWS_WITH_AS(packed.append("k", item), doctest::Contains("its type packs "), InvalidArgumentError);
    });
  }
  CHECK_FALSE(packed.store().size("k").has_value());
}

TEST_CASE("an item that is packed in one piece is held to the limits, too") {
  const PackedLimits limits{.depth = 2, .elements = 3, .string_bytes = 4, .item_bytes = 10, .objects = 5};
  Packed<Raw> packed{memory_store(), limits};
  for (const std::string& bytes : {"\x91\x91\x01"_b, "\x93\x01\x02\x03"_b,
                                   "\xa4"
                                   "four"_b,
                                   "\x93\xa2xx\xa2xx\xa2xx"_b}) {
    CHECK_NOTHROW(packed.append("k", Raw{bytes}));
  }
  for (const auto& [bytes, limit] : {std::pair{"\x91\x91\x91\x01"_b, "PackedLimits::depth"},
                                     {"\x94\x01\x02\x03\x04"_b, "PackedLimits::elements"},
                                     {"\xa5"
                                      "fives"_b,
                                      "PackedLimits::string_bytes"},
                                     {"\x93\xa3xxx\xa3xxx\xa3xxx"_b, "PackedLimits::item_bytes"},
                                     {"\x92\x92\x01\x02\x91\x01"_b, "PackedLimits::objects"}}) {
    CHECK_THROWS_WITH_AS(packed.append("k", Raw{bytes}), doctest::Contains(limit), TooLargeError);
  }
}

TEST_CASE("packing ends where the item gets too large") {
  int packed_count = 0;
  Packed<Endless> packed{memory_store(), {.item_bytes = 10'000}};
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_WITH_AS(packed.append("k", {&packed_count}), doctest::Contains("PackedLimits::item_bytes"),
                         TooLargeError);
    CHECK(packed_count < (1 << 20) / static_cast<int>(endless_piece_bytes));
  }
  CHECK_FALSE(packed.store().size("k").has_value());
}

/// Bytes that malloc has handed out; 0 under a sanitizer, which has its own.
std::size_t held_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST_CASE("an append keeps no large memory, whether it ends well or not") {
  Packed<Failing> failing{memory_store()};
  Packed<std::string> strings{memory_store()};
  strings.append("k", "warm");
  const std::size_t before = held_bytes();
  CHECK_THROWS_AS(failing.append("k", {}), InvalidArgumentError);
  CHECK(held_bytes() < before + (std::size_t{4} << 20));
  strings.append("k", std::string(std::size_t{32} << 20, 'x'));
  strings.store().drop();
  CHECK(held_bytes() < before + (std::size_t{4} << 20));
}

template <typename Float>
void check_bits(const std::vector<Float>& numbers, char first) {
  using Bits = std::conditional_t<sizeof(Float) == 4, std::uint32_t, std::uint64_t>;
  Packed<Float> packed{memory_store()};
  packed.append_items("k", numbers);
  const std::string bytes = packed.store().get("k");
  REQUIRE(bytes.size() == numbers.size() * (1 + sizeof(Float)));
  const std::vector<Float> read = packed.get("k");
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    CHECK(bytes[i * (1 + sizeof(Float))] == first);
    CHECK(std::bit_cast<Bits>(read.at(i)) == std::bit_cast<Bits>(numbers[i]));
  }
}

TEST_CASE("floats stay floats and keep their bits") {
  using Limits = std::numeric_limits<double>;
  check_bits<double>({0.0, -0.0, 2.0, -3.0, 0x1p63, 0x1p64, 1e300, Limits::denorm_min(), Limits::infinity(),
                      -Limits::infinity(), Limits::quiet_NaN(), -Limits::quiet_NaN(),
                      std::bit_cast<double>(0x7FF8'0000'DEAD'BEEF), std::bit_cast<double>(0x7FF0'0000'0000'0001)},
                     '\xcb');
  check_bits<float>({0.0F, -0.0F, 2.0F, -3.0F, 0x1p64F, std::numeric_limits<float>::denorm_min(),
                     -std::numeric_limits<float>::infinity(), std::bit_cast<float>(0xFFC0'1234)},
                    '\xca');
  CHECK(packed_bytes(std::vector<double>{2.0, -0.0}) == "\x92\xcb\x40\0\0\0\0\0\0\0\xcb\x80\0\0\0\0\0\0\0"_b);
  CHECK(packed_bytes(2.5F) == "\xca\x40\x20\0\0"_b);
  Packed<msgpack::type::variant> variants{memory_store()};
  const msgpack::type::variant two(2.0);  // newer versions of msgpack-cxx make it an integer
  variants.append("k", two);
  CHECK((variants.get("k").at(0) == two));  // doctest cannot print one
}

template <typename Duration>
using TimeOf = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// They must come back, each alone and in a struct.
template <typename Duration>
void check_times(const std::vector<Duration>& since_epoch) {
  using Time = TimeOf<Duration>;
  for (const Duration& duration : since_epoch) {
    Packed<std::pair<Time, std::optional<Time>>> packed{memory_store()};
    packed.append("k", {Time(duration), Time(duration)});
    const auto read = packed.get("k").at(0);
    CHECK((read.first.time_since_epoch() == duration));
    CHECK((read.second == read.first));
  }
}

TEST_CASE("what an append takes for a time comes back, whatever it counts") {
  using namespace std::chrono;
  check_times<nanoseconds>({nanoseconds::min(), nanoseconds(-1), nanoseconds(0), nanoseconds(1), nanoseconds::max()});
  check_times<microseconds>({microseconds::min(), microseconds(-1), microseconds(1'500'000), microseconds::max()});
  check_times<milliseconds>({milliseconds::min(), milliseconds(-1500), milliseconds(1), milliseconds::max()});
  check_times<seconds>({seconds::min(), seconds(-1), seconds(10'413'792'000), seconds::max()});
  check_times<hours>({hours(-1), hours(0), hours(1'000'000)});
  check_times<days>({days(-719'468), days(0), days(3), days(1'000'000)});
  check_times<duration<std::int16_t, std::ratio<3600>>>({duration<std::int16_t, std::ratio<3600>>(-32768)});
  check_times<duration<double>>({duration<double>(-0.25), duration<double>(1'000'000'000.1), duration<double>(1e15)});
}

TEST_CASE("a time beyond 64 bits of seconds is refused") {
  using namespace std::chrono;
  Packed<TimeOf<hours>> packed{memory_store()};
  for (const hours far : {hours::min(), hours::max()}) {
    CHECK_THROWS_WITH_AS(packed.append("k", TimeOf<hours>(far)),
                         doctest::Contains("cannot be packed: the time is beyond what MessagePack can hold"),
                         InvalidArgumentError);
  }
  Packed<TimeOf<duration<double>>> fractions{memory_store()};
  for (const double far : {1e19, -1e19, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_AS(fractions.append("k", TimeOf<duration<double>>(duration<double>(far))), InvalidArgumentError);
  }
}

TEST_CASE("times are packed in the shortest form") {
  using namespace std::chrono;
  using Time = TimeOf<nanoseconds>;
  CHECK(packed_bytes(Time{seconds(1)}) == "\xd6\xff\0\0\0\x01"_b);
  CHECK(packed_bytes(Time{seconds(0xFFFFFFFF)}) == "\xd6\xff\xff\xff\xff\xff"_b);
  CHECK(packed_bytes(Time{nanoseconds(1)}) == "\xd7\xff\0\0\0\x04\0\0\0\0"_b);
  CHECK(packed_bytes(Time{seconds(0x100000000)}) == "\xd7\xff\0\0\0\x01\0\0\0\0"_b);
  CHECK(packed_bytes(Time{nanoseconds(-1)}) == "\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xff\xff\xff\xff\xff"_b);
  CHECK(packed_bytes(TimeOf<seconds>{seconds(0x400000000)}) == "\xc7\x0c\xff\0\0\0\0\0\0\0\x04\0\0\0\0"_b);
}

TEST_CASE("what would point to memory that is gone is no item") {
  using packed_detail::owns_bytes;
  static_assert(owns_bytes<int> && owns_bytes<std::string> && owns_bytes<std::vector<char>> && owns_bytes<Raw>);
  static_assert(owns_bytes<std::map<std::string, std::optional<std::vector<int>>>> && owns_bytes<std::array<int, 3>>);
  static_assert(owns_bytes<msgpack::type::variant> && owns_bytes<msgpack::type::ext>);
  static_assert(owns_bytes<std::unordered_map<int, std::tuple<std::string, TimeOf<std::chrono::seconds>>>>);
  static_assert(!owns_bytes<std::string_view> && !owns_bytes<std::span<const char>> && !owns_bytes<const char*>);
  static_assert(!owns_bytes<msgpack::object> && !owns_bytes<msgpack::type::raw_ref>);
  static_assert(!owns_bytes<msgpack::type::ext_ref> && !owns_bytes<msgpack::type::v4raw_ref>);
  static_assert(!owns_bytes<msgpack::type::variant_ref> && !owns_bytes<msgpack::type::array_ref<std::vector<int>>>);
  static_assert(!owns_bytes<std::vector<std::string_view>> && !owns_bytes<std::list<std::optional<msgpack::object>>>);
  static_assert(!owns_bytes<std::map<int, std::string_view>> && !owns_bytes<std::pair<int, msgpack::type::raw_ref>>);
  static_assert(!owns_bytes<std::array<std::tuple<int, std::string_view>, 2>>);
}

}  // namespace
}  // namespace accrete::test
