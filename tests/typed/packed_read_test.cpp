// What Packed<T> makes of what others have stored: of too few elements and short strings, of far times, of much; and
// what its errors say.
#include <array>
#include <chrono>
#include <ctime>
#include <limits>
#include <new>
#include <tuple>

#include "typed/packed_values.hpp"

namespace accrete::test {
namespace {

using Time = std::chrono::system_clock::time_point;

struct Bytes {
  std::array<std::uint8_t, 4096> bytes{};
  MSGPACK_DEFINE(bytes)
};

struct Characters {
  std::array<char, 4096> bytes{};
  MSGPACK_DEFINE(bytes)
};

struct Times {
  std::array<Time, 200> times{};
  MSGPACK_DEFINE(times)
};

struct Stamped {
  std::tuple<Time, int> first;
  Time second;
  MSGPACK_DEFINE(first, second)
};

struct Stamped4 {
  msgpack::type::tuple<Time, int, int, int> first;
  Time second;
  MSGPACK_DEFINE(first, second)
};

struct Plain {
  std::optional<int> numbers[2] = {7, 8};  // NOLINT(modernize-avoid-c-arrays)
  MSGPACK_DEFINE(numbers)
};

template <typename T>
void check_refused(std::string_view bytes) {
  CHECK(failure_of<TypeMismatchError>(stored<T>(bytes)).starts_with("cannot read item 1 of key 'k' as "));
}

TEST_CASE("an array or a tuple takes as many elements as it has") {
  check_refused<Bytes>("\x91\xa1x"_b);
  check_refused<Bytes>("\x91\xc4\x01x"_b);
  check_refused<Characters>("\x91\xa1x"_b);
  check_refused<Characters>("\x91\xc4\x01x"_b);
  check_refused<Times>("\x91\x91\xd6\xff\0\0\0\x01"_b);
  check_refused<Times>("\x91\x90"_b);
  check_refused<Stamped>("\x92\x91\x07\xd6\xff\0\0\0\5"_b);
  check_refused<Stamped>("\x92\x90\xd6\xff\0\0\0\5"_b);
  check_refused<Stamped>("\x92\x93\xd6\xff\0\0\0\1\xd6\xff\0\0\0\2\x03\xd6\xff\0\0\0\5"_b);
  check_refused<Stamped4>("\x92\x91\x07\xd6\xff\0\0\0\5"_b);
  check_refused<std::array<int, 3>>("\x92\x01\x02"_b);
  check_refused<std::array<int, 3>>("\x94\x01\x02\x03\x04"_b);
  check_refused<Plain>("\x91\x90"_b);
  check_refused<Plain>("\x91\x91\x01"_b);
  check_refused<std::tuple<int, int>>("\x91\x01"_b);
  check_refused<msgpack::type::tuple<int>>("\x90"_b);
  check_refused<std::tuple<std::optional<int>>>("\x90"_b);
}

TEST_CASE("arrays and tuples that are whole are read") {
  std::string bytes = "\x91\xc5\x10\x00"_b;
  bytes.append(4095, '\0').append("\xff");
  CHECK(stored<Bytes>(bytes).get("k").at(0).bytes.back() == 255);
  bytes[1] = '\xda';
  CHECK(stored<Characters>(bytes).get("k").at(0).bytes.back() == '\xff');
  CHECK((stored<std::array<int, 3>>("\x93\x01\x02\x03"_b).get("k").at(0) == std::array{1, 2, 3}));
  const Stamped stamped = stored<Stamped>("\x92\x92\xd6\xff\0\0\0\1\x07\xd6\xff\0\0\0\5"_b).get("k").at(0);
  CHECK((stamped.first == std::tuple{Time(std::chrono::seconds(1)), 7}));
  CHECK((stamped.second == Time(std::chrono::seconds(5))));
  const Stamped4 four = stored<Stamped4>("\x92\x94\xd6\xff\0\0\0\1\x01\x02\x03\xd6\xff\0\0\0\5"_b).get("k").at(0);
  CHECK(four.first.get<3>() == 3);
  CHECK(stored<Plain>("\x91\x92\x01\xc0"_b).get("k").at(0).numbers[0] == 1);
  CHECK(stored<Plain>("\x90"_b).get("k").at(0).numbers[1] == 8);
  Packed<Times> times{memory_store()};
  times.append("k", {});
  CHECK((times.get("k").at(0).times == std::array<Time, 200>{}));
}

/// The year 2300, in the longest form.
const std::string far_time = "\xc7\x0c\xff\0\0\0\0\0\0\0\x02\x6c\xb5\xdb\x00"_b;

TEST_CASE("a far time is an error for a type that cannot hold it, and for no other") {
  using namespace std::chrono;
  CHECK(failure_of<TypeMismatchError>(stored<Time>(far_time))
            .ends_with(": it is extension; the time is beyond what the type can hold"));
  CHECK((stored<sys_seconds>(far_time).get("k").at(0) == sys_days(year(2300) / 1 / 1)));
  CHECK((stored<sys_days>(far_time).get("k").at(0) == sys_days(year(2300) / 1 / 1)));
  CHECK(stored<timespec>(far_time).get("k").at(0).tv_sec == 10'413'792'000);
  CHECK(stored<msgpack::type::ext>(far_time).get("k").at(0).size() == 12);
  CHECK(stored<msgpack::type::variant>(far_time).get("k").at(0).is_ext());
  using ShortHours = time_point<system_clock, duration<std::int16_t, std::ratio<3600>>>;
  check_refused<ShortHours>(far_time);
}

TEST_CASE("a timestamp with too many nanoseconds, or of another size, is none") {
  check_refused<Time>("\xd7\xff\xee\x6b\x28\x00\0\0\0\0"_b);  // 10^9 nanoseconds
  check_refused<Time>("\xc7\x0c\xff\x3b\x9a\xca\x00\0\0\0\0\0\0\0\0"_b);
  check_refused<Time>("\xd4\xff\x00"_b);
  check_refused<Time>("\xd6\x05\0\0\0\0"_b);
  using namespace std::chrono;
  CHECK((stored<Time>("\xd7\xff\xee\x6b\x27\xfc\0\0\0\0"_b).get("k").at(0) == Time(nanoseconds(999'999'999))));
  CHECK((stored<sys_seconds>("\xd7\xff\xee\x6b\x27\xfc\0\0\0\1"_b).get("k").at(0) == sys_seconds(seconds(1))));
}

TEST_CASE("an item of many objects is too large before memory is taken for them") {
  std::string many = "\x95"_b;
  for (int i = 0; i < 5; ++i) many.append("\xdd\x00\x10\x00\x00"_b).append(std::size_t{1} << 20, '\xc0');
  CHECK(failure_of<TooLargeError>(stored<int>(many)).find("objects, more than 4194304 (PackedLimits::objects)") !=
        std::string::npos);
  const PackedLimits limits{.objects = 4};
  CHECK(stored<std::vector<int>>("\x93\x01\x02\x03"_b, limits).get("k").size() == 1);
  CHECK(failure_of<TooLargeError>(stored<std::vector<int>>("\x94\x01\x02\x03\x04"_b, limits)).find("5 objects") !=
        std::string::npos);
  CHECK(failure_of<TooLargeError>(stored<std::vector<int>>("\x82\x01\x02\x03\x04"_b, limits)).find("5 objects") !=
        std::string::npos);
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += "\x92\xa1x"_b;
  CHECK(failure_of<TooLargeError>(stored<int>(deep + "\x01", {.depth = 100, .objects = 140})).find("141 objects") !=
        std::string::npos);
  CHECK_FALSE(failure_of<TypeMismatchError>(stored<int>(deep + "\x01", {.depth = 100, .objects = 141})).empty());
}

/// Its n-th move finds no memory.
class Heavy {
 public:
  Heavy() = default;
  Heavy(const Heavy&) = delete;
  Heavy(Heavy&& other) : number(other.number) {
    if (moves_left-- == 0) throw std::bad_alloc();
  }
  Heavy& operator=(const Heavy&) = delete;
  Heavy& operator=(Heavy&&) = delete;
  ~Heavy() = default;

  int number = 0;
  MSGPACK_DEFINE(number)

  static inline int moves_left = 0;
};

TEST_CASE("want of memory is an error of accrete, wherever it comes up") {
  const Packed<Heavy> packed = stored<Heavy>("\x91\x01\x91\x02\x91\x03"_b);
  const std::array<std::string_view, 1> keys = {"k"};
  const auto fails_for_want_of_memory = [&](int moves, const auto& read) {
    Heavy::moves_left = moves;
    try {
      read();
    } catch (const TooLargeError& error) {
      CHECK(std::string(error.what()).find("'k': it does not fit into memory") != std::string::npos);
      return true;
    }
    return false;
  };
  int failed = 0;
  while (fails_for_want_of_memory(failed, [&] { static_cast<void>(packed.get("k")); })) ++failed;
  CHECK(failed > 3);
  int failed_batch = 0;
  while (fails_for_want_of_memory(failed_batch, [&] { static_cast<void>(packed.get_batch(keys)); })) ++failed_batch;
  CHECK(failed_batch == failed);
}

struct Picky {};

}  // namespace
}  // namespace accrete::test

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS) {
  namespace adaptor {

  template <>
  struct convert<accrete::test::Picky> {
    const msgpack::object& operator()(const msgpack::object& o, accrete::test::Picky&) const {
      if (o.type == msgpack::type::NIL) throw msgpack::type_error();
      throw std::runtime_error("the number is odd\n");
    }
  };

  }  // namespace adaptor
}
}  // namespace msgpack

namespace accrete::test {
namespace {

TEST_CASE("a mismatch says what the adaptor says") {
  CHECK(failure_of<TypeMismatchError>(stored<Picky>("\x01"_b)).ends_with(": it is integer; the number is odd\\x0a"));
  CHECK(failure_of<TypeMismatchError>(stored<Picky>("\xc0"_b)).ends_with("Picky: it is nil"));
}

TEST_CASE("an error names the byte that is at fault, and what it declares") {
  for (const auto& [bytes, problem] :
       {std::pair{"\x92\xa2xy"_b, "it is cut at byte 4"},
        {"\x92\xa3xy"_b, "what begins at byte 1 declares 3 bytes, and the value ends at byte 4"},
        {"\x93\x01\x02"_b, "what begins at byte 0 declares 3 elements, and the value ends at byte 3"},
        {"\x82\x01\x02\x03"_b, "what begins at byte 0 declares 2 pairs, and the value ends at byte 4"},
        {"\x91\xdc\xff"_b, "it is cut at byte 3"},
        {"\x91\xd4\x01"_b, "what begins at byte 1 declares 1 bytes, and the value ends at byte 3"}}) {
    CHECK(failure_of<CorruptionError>(stored<int>("\x01"_b.substr(1) + bytes)).ends_with(problem));
  }
}

}  // namespace
}  // namespace accrete::test
