// Packed<T>: what is appended comes back, over any store, and of what does not fit a T nothing does.
#include <accrete/accrete.hpp>
#include <accrete/packed.hpp>
#include <array>
#include <chrono>
#include <doctest/doctest.h>
#include <limits>
#include <map>
#include <ranges>
#include <tuple>

#include "support/campaign.hpp"
#include "support/random_bytes.hpp"
#include "support/temporary_directory.hpp"
#include "typed/packed_values.hpp"

namespace accrete::test {
namespace {

struct Row {
  int id = 0;
  std::string name;
  std::vector<double> delays;
  std::optional<std::string> note;
  MSGPACK_DEFINE(id, name, delays, note)

  friend bool operator==(const Row&, const Row&) = default;
};

struct Named {
  std::uint64_t count = 0;
  std::map<std::string, std::vector<int>> lists;
  MSGPACK_DEFINE_MAP(count, lists)

  friend bool operator==(const Named&, const Named&) = default;
};

struct Tree {
  std::vector<Tree> branches;
  MSGPACK_DEFINE(branches)

  friend bool operator==(const Tree&, const Tree&) = default;
};

/// Adapted by hand, and without a default.
class Celsius {
 public:
  explicit Celsius(double degrees) : degrees_(degrees) {}
  [[nodiscard]] double degrees() const { return degrees_; }

 private:
  double degrees_;
};

/// Whose adaptors throw what they like.
struct Moody {
  int mood = 0;
};

}  // namespace
}  // namespace accrete::test

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS) {
  namespace adaptor {

  template <>
  struct as<accrete::test::Celsius> {
    accrete::test::Celsius operator()(const msgpack::object& o) const { return accrete::test::Celsius(o.as<double>()); }
  };
  template <>
  struct pack<accrete::test::Celsius> {
    template <typename Stream>
    packer<Stream>& operator()(packer<Stream>& o, const accrete::test::Celsius& v) const {
      return o.pack_double(v.degrees());
    }
  };

  template <>
  struct convert<accrete::test::Moody> {
    const msgpack::object& operator()(const msgpack::object&, accrete::test::Moody&) const {
      throw std::runtime_error("not today");
    }
  };
  template <>
  struct pack<accrete::test::Moody> {
    template <typename Stream>
    packer<Stream>& operator()(packer<Stream>& o, const accrete::test::Moody& v) const {
      if (v.mood == 0) throw std::runtime_error("not today");
      return o;
    }
  };

  }  // namespace adaptor
}
}  // namespace msgpack

namespace accrete::test {
namespace {

using SystemTime = std::chrono::system_clock::time_point;

/// Of items in memory; they must come back by get, get_batch and a reader.
template <typename T>
void check_round_trip(const std::vector<T>& items) {
  Packed<T> packed{memory_store()};
  packed.append("k", items.front());
  packed.append_items("k", std::span(items).subspan(1));
  CHECK((packed.get("k") == items));
  CHECK((read_all(packed, "k") == items));
  const std::array<std::string_view, 2> keys = {"gone", "k"};
  CHECK((packed.get_batch(keys) == std::vector<std::vector<T>>{{}, items}));
}

TEST_CASE("items of all kinds of types come back") {
  check_round_trip<int>({0, -1, 127, 128, -32, -33, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()});
  check_round_trip<std::uint64_t>({0, std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max()});
  check_round_trip<double>({0.0, -1.5, std::numeric_limits<double>::infinity()});
  check_round_trip<std::vector<bool>>({{true, false}, {}});
  check_round_trip<std::string>({"", "é", std::string(300, 'x'), std::string(70000, 'y')});
  check_round_trip<std::vector<int>>({{}, {1, 2, 3}, std::vector<int>(70000, 7)});
  check_round_trip<std::vector<char>>({{}, {'\0', '\xff'}});
  check_round_trip<std::optional<int>>({std::nullopt, 5});
  check_round_trip<std::map<std::string, std::vector<std::optional<bool>>>>({{}, {{"a", {true, std::nullopt}}}});
  check_round_trip<std::tuple<int, std::string, double>>({{1, "a", 2.5}});
  check_round_trip<std::pair<std::string, int>>({{"a", 1}});
  check_round_trip<Row>({{}, {1, "n", {0.5, -0.5}, "x"}});
  check_round_trip<Named>({{}, {7, {{"a", {1, 2}}, {"b", {}}}}});
  check_round_trip<Tree>({{}, {{{}, {{{}, {}}}}}});
}

TEST_CASE("time points come back, and those beyond what they can hold are another type") {
  const SystemTime epoch;
  using namespace std::chrono;
  check_round_trip<SystemTime>({epoch, epoch + nanoseconds(1), epoch - nanoseconds(1), epoch - milliseconds(1500),
                                epoch + hours(24 * 365 * 100), epoch - hours(24 * 365 * 100)});
  // 64 bits: 2^34 - 1 seconds; 96 bits: the most and the least seconds, and too many nanoseconds.
  for (const std::string& far :
       {"\xd7\xff\x00\x00\x00\x03\xff\xff\xff\xff"_b, "\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"_b,
        "\xc7\x0c\xff\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00"_b,
        "\xc7\x0c\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"_b, "\xd4\xff\x00"_b}) {
    CHECK(failure_of<TypeMismatchError>(stored<SystemTime>(far)).find("it is extension") != std::string::npos);
  }
}

TEST_CASE("variants hold what was stored") {
  Packed<msgpack::type::variant> packed{memory_store()};
  packed.append("k", msgpack::type::variant(std::string("text")));
  packed.append("k", msgpack::type::variant(std::int64_t{-5}));
  const auto items = packed.get("k");
  REQUIRE(items.size() == 2);
  CHECK(items[0].as_string() == "text");
  CHECK(items[1].as_int64_t() == -5);
}

TEST_CASE("a type without a default is read by its own adaptor") {
  Packed<Celsius> packed{memory_store()};
  packed.append("k", Celsius(36.6));
  CHECK(packed.get("k").at(0).degrees() == 36.6);
  CHECK(packed.reader("k").next()->degrees() == 36.6);
}

TEST_CASE("a value is the items of all appends, without anything between them") {
  Packed<int> packed{memory_store()};
  packed.append("k", 1);
  packed.append_items("k", std::array{2, 300});
  CHECK(packed.store().get("k") == "\x01\x02\xcd\x01\x2c"_b);
}

TEST_CASE("no items make an empty value, and a missing key has none") {
  Packed<int> packed{memory_store()};
  packed.append_items("k", {});
  CHECK(packed.store().size("k") == 0);
  CHECK(packed.get("k").empty());
  CHECK_FALSE(packed.reader("k").next().has_value());
  CHECK(packed.get("gone").empty());
  CHECK_FALSE(packed.reader("gone").next().has_value());
  CHECK_FALSE(packed.store().size("gone").has_value());
  packed.append_batch({});
  CHECK_THROWS_AS(packed.append("", 1), InvalidKeyError);
}

TEST_CASE("a batch is appended whole, with its options") {
  Packed<std::string> packed{memory_store()};
  const std::vector<std::string> first = {"a", "b"};
  const std::vector<std::string> second = {"c"};
  const std::vector<Packed<std::string>::Entry> batch = {{"x", first}, {"y", {}}, {"x", second}};
  const AppendOptions once{.id = BatchId{.sequence = 1}};
  packed.append_batch(batch, once);
  packed.append_batch(batch, once);
  CHECK((packed.get("x") == std::vector<std::string>{"a", "b", "c"}));
  CHECK(packed.store().size("y") == 0);
  CHECK_THROWS_AS(packed.append("x", "d", {.expect_size = 5}), SizeMismatchError);
  packed.append("x", "d", {.expect_size = 6});
  CHECK(packed.get("x").size() == 4);
}

TEST_CASE("items come back from a dataset, a buffer and a borrowed store") {
  const TemporaryDirectory directory;
  create(directory / "data");
  const std::vector<Row> rows = {{1, "a", {}, {}}, {2, "b", {1.5}, "x"}};
  {
    Packed<Row> packed{open(directory / "data")};
    packed.append_items("k", rows, {.sync = true});
  }
  {
    Packed<Row> packed{open(directory / "data", {.buffer = BufferOptions{}})};
    packed.append_items("k", rows);
    CHECK(packed.get("k").size() == 4);
    CHECK((read_all(packed, "k") == packed.get("k")));
  }
  const std::unique_ptr<Store> store = buffered(open(directory / "data"));
  Packed<Row> packed{*store};
  CHECK(&packed.store() == store.get());
  packed.append("k", rows[0]);
  store->flush();
  CHECK(packed.get("k").size() == 5);
  CHECK((packed.get("k").back() == rows[0]));
}

TEST_CASE("a reader sees the items that there were when it was made, and goes on where it was") {
  Packed<int> packed{memory_store()};
  packed.append_items("k", std::array{1, 2, 3});
  auto reader = packed.reader("k");
  packed.append("k", 4);
  CHECK(reader.next() == 1);
  std::vector<int> rest;
  for (const int item : reader) rest.push_back(item);
  CHECK((rest == std::vector{2, 3}));
  CHECK_FALSE(reader.next().has_value());
  static_assert(std::ranges::input_range<Packed<int>::Reader>);
}

/// Counts how much is read at a time.
class MeteredStore final : public Store {
 public:
  explicit MeteredStore(Store& next) : next_(next) {}
  [[nodiscard]] std::uint64_t largest_read() const { return largest_read_; }

 private:
  void do_append_batch(std::span<const accrete::Entry> entries, const AppendOptions& options) override {
    next_.append_batch(entries, options);
  }
  std::string do_get(std::string_view key) const override { return next_.get(key); }
  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return next_.get_batch(keys);
  }
  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    largest_read_ = std::max(largest_read_, size);
    return next_.get_range(key, offset, size);
  }
  std::optional<std::uint64_t> do_size(std::string_view key) const override { return next_.size(key); }
  std::vector<KeySize> do_list(const ListOptions& options) const override { return next_.list(options); }
  std::uint64_t do_removals() const override { return next_.removals(); }
  Stats do_stats() const override { return next_.stats(); }
  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return next_.last_sequence(writer);
  }
  std::optional<std::string> do_attribute(std::string_view name) const override { return next_.attribute(name); }
  std::vector<std::string> do_attributes() const override { return next_.attributes(); }
  bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                        const AttributeOptions& options) override {
    return next_.set_attribute(name, value, options);
  }
  void do_erase(std::string_view key) override { next_.erase(key); }
  void do_flush() override { next_.flush(); }
  void do_sync() override { next_.sync(); }
  void do_drop() override { next_.drop(); }

  Store& next_;
  mutable std::uint64_t largest_read_ = 0;
};

TEST_CASE("a reader reads a large value in small pieces, however its items lie in them") {
  Random random(5);
  const std::unique_ptr<Store> memory = memory_store();
  const MeteredStore metered(*memory);
  Packed<std::vector<std::string>> packed{*memory};
  std::vector<std::vector<std::string>> items;
  for (int i = 0; i < 3000; ++i) {
    std::vector<std::string> item(random_below(random, 40));
    for (std::string& text : item) text.assign(random_below(random, 300), 'x');
    items.push_back(std::move(item));
  }
  packed.append_items("k", items);
  REQUIRE(memory->size("k") > 6'000'000);
  PackedItems bytes(metered, "k");
  std::string together;
  for (std::string_view item; !(item = bytes.next()).empty();) together.append(item);
  CHECK((together == memory->get("k")));
  CHECK(bytes.number() == items.size());
  CHECK(metered.largest_read() <= 512 << 10);
  CHECK((read_all(packed, "k") == items));
}

TEST_CASE("an item larger than a piece is read whole") {
  Packed<std::vector<std::string>> packed{memory_store()};
  const std::vector<std::string> item(200'000, "ten bytes.");
  packed.append("k", {});
  packed.append("k", item);
  packed.append("k", {"end"});
  CHECK((read_all(packed, "k") == packed.get("k")));
  CHECK((packed.get("k").at(1) == item));
}

TEST_CASE("a value that is erased while it is read is an error") {
  Packed<std::string> packed{memory_store()};
  packed.append_items("k", std::vector<std::string>(10, std::string(100'000, 'x')));
  auto reader = packed.reader("k");
  CHECK(reader.next().has_value());
  packed.store().erase("k");
  CHECK_THROWS_WITH_AS(
      [&] {
        while (reader.next()) {
        }
      }(),
      doctest::Contains("it was erased while it was read"), Error);
}

TEST_CASE("another type is an error that names the key, the item and both types") {
  Packed<int> ints{memory_store()};
  ints.append_items("a key", std::array{1, 2});
  const Packed<std::string> strings{ints.store()};
  CHECK_THROWS_WITH_AS(static_cast<void>(strings.get("a key")),
                       doctest::Contains("cannot read item 1 of key 'a key' as std::"), TypeMismatchError);
  const std::string message = failure_of<TypeMismatchError>(stored<Row>("\x92\xa1x\x93\x01\x02\x03"_b));
  CHECK(message.starts_with("cannot read item 1 of key 'k' as "));
  CHECK(message.ends_with("Row: it is [string, array]"));
  const std::string map = "\x8a" + std::string(20, '\x01');
  CHECK(failure_of<TypeMismatchError>(stored<int>(map)).find("{integer: integer, ") != std::string::npos);
  CHECK(failure_of<TypeMismatchError>(stored<int>(map)).ends_with(", and 2 more}"));
  CHECK(failure_of<TypeMismatchError>(stored<std::int64_t>("\x05\xcf\x80\0\0\0\0\0\0\0"_b))
            .starts_with("cannot read item 2 of key 'k' as "));
}

/// Reads `bytes` as T, which must either do or fail as an error of accrete; false if it failed.
template <typename T>
bool reads(std::string_view bytes) {
  try {
    static_cast<void>(stored<T>(bytes).get("k"));
    return true;
  } catch (const TypeMismatchError&) {
  } catch (const CorruptionError&) {
  } catch (const TooLargeError&) {
  }
  return false;
}

using Nest = std::tuple<int, msgpack::type::tuple<std::string>, std::map<std::string, SystemTime>,
                        std::tuple<int, SystemTime, std::array<int, 3>>, std::pair<bool, std::array<SystemTime, 2>>>;

struct Arrays {
  std::tuple<int, std::string> pair;
  msgpack::type::tuple<int> single;
  int plain[3] = {};
  MSGPACK_DEFINE(pair, single, plain)
};

template <typename... Types>
int count_that_read(std::string_view bytes) {
  return (reads<Types>(bytes) + ...);
}

int count_all_that_read(std::string_view bytes) {
  return count_that_read<int, std::uint8_t, double, bool, char, std::string, std::vector<int>, std::vector<char>,
                         std::vector<bool>, std::optional<int>, std::map<int, int>, std::tuple<>, std::tuple<int, int>,
                         std::pair<int, int>, std::array<int, 2>, SystemTime, Row, Named, Tree, Nest, Arrays,
                         msgpack::type::variant, msgpack::type::tuple<int>, msgpack::type::ext>(bytes);
}

TEST_CASE("what others have stored is read as what it is or fails, whatever the type asked for") {
  for (const std::string& bytes : {"\xc0"_b,
                                   "\xc3"_b,
                                   "\x01"_b,
                                   "\xff"_b,
                                   "\xcb\x7f\xf8\0\0\0\0\0\0"_b,
                                   "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"_b,
                                   "\xa0"_b,
                                   "\xc4\0"_b,
                                   "\x90"_b,
                                   "\x80"_b,
                                   "\x91\x90"_b,
                                   "\x93\x90\x90\x90"_b,
                                   "\x93\x91\x01\x91\x01\x91\x01"_b,
                                   "\x91\xc0"_b,
                                   "\x92\x01\x02"_b,
                                   "\x81\x01\x02"_b,
                                   "\xd6\xff\0\0\0\1"_b,
                                   "\xd4\x05\x01"_b,
                                   "\xc7\0\xff"_b,
                                   "\x94\x01\x90\x80\x90"_b,
                                   "\x95\x01\x90\x80\x91\x01\x90"_b}) {
    CAPTURE(bytes.size());
    CHECK(count_all_that_read(bytes) < 24);
    CHECK(count_all_that_read(bytes) > 0);
  }
}

TEST_CASE("an item that is cut at any byte is corruption that names the key and the byte") {
  const std::string one = packed_bytes(Row{1, std::string(40, 'n'), {0.5, 1.5}, "note"});
  for (std::size_t size = 1; size < one.size(); ++size) {
    const Packed<Row> packed = stored<Row>(one + one.substr(0, size));
    const std::string message = failure_of<CorruptionError>(packed);
    REQUIRE(message.starts_with("cannot read item 2 of key 'k': "));
    REQUIRE(message.ends_with(" at byte " + std::to_string(one.size() + size)));
    CHECK((packed.reader("k").next() == Row{1, std::string(40, 'n'), {0.5, 1.5}, "note"}));
  }
}

TEST_CASE("a flipped bit is an error or a well-formed item") {
  const std::string bytes =
      packed_bytes(Row{1000, "name", {0.5, 1.5}, "note"}) + packed_bytes(Nest{1, {"x"}, {{"t", SystemTime{}}}, {}, {}});
  int failed = 0;
  int read = 0;
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << i % 8));
    (reads<msgpack::type::variant>(flipped) ? read : failed) += 1;
    count_all_that_read(flipped);
  }
  CHECK(read > 0);
  CHECK(failed > 0);
}

TEST_CASE("random bytes are an error or well-formed items") {
  Random random(77);
  for (int i = 0; i < campaign_steps(3000); ++i) {
    std::string bytes = random_bytes(random, 1 + random_below(random, 40));
    // Mostly small numbers and small containers, so that the structure goes on.
    for (char& byte : bytes) {
      if (one_in(random, 2))
        byte = static_cast<char>(static_cast<unsigned char>(byte) % 8 + (one_in(random, 2) ? 0x90 : 0));
    }
    count_all_that_read(bytes);
  }
}

TEST_CASE("lengths that the value cannot hold are corruption, and take no memory") {
  for (const std::string& bytes :
       {"\xdd\xff\xff\xff\xff"_b, "\xdf\xff\xff\xff\xff\x01"_b, "\xdb\xff\xff\xff\xff\x01"_b,
        "\xc6\xff\xff\xff\xff\x01"_b, "\xc9\xff\xff\xff\xff\x01"_b, "\xdd\x00\x00\x00\x02\x01"_b, "\x92\x92\x01\x01"_b,
        "\x82\x01\x01\x01"_b, "\x92\xa2xy"_b, "\xdc\xff"_b, "\xd9"_b, "\xd8\x01"_b, "\xcf\x80"_b, "\x91"_b, "\xc1"_b,
        "\x91\xc1"_b}) {
    CAPTURE(bytes.size());
    CHECK(failure_of<CorruptionError>(stored<msgpack::type::variant>(bytes)).starts_with("cannot read item 1"));
    CHECK(failure_of<CorruptionError>(stored<std::vector<Row>>(bytes)).starts_with("cannot read item 1"));
  }
  // Each array holds what is left, and together more than there is.
  std::string nested;
  for (int i = 0; i < 60; ++i) nested += "\xdd\x00\x00\x80\x00"_b;
  CHECK(failure_of<CorruptionError>(stored<Tree>(nested + std::string(40'000, '\xc0'))).find("declares 32768") !=
        std::string::npos);
}

TEST_CASE("items may be as deep as the limit, and no deeper") {
  const PackedLimits limits{.depth = 20};
  const auto nested = [](std::size_t depth) { return std::string(depth - 1, '\x91') + "\x90"; };
  Packed<Tree> trees = stored<Tree>(nested(20), limits);
  trees.append_items("k", trees.get("k"));
  CHECK(trees.get("k").size() == 2);
  const std::vector<Tree> wide(1000);
  trees.append("k", {wide});
  CHECK((trees.get("k").back() == Tree{wide}));
  const Tree deeper = stored<Tree>(nested(21)).get("k").at(0);
  CHECK_THROWS_WITH_AS(trees.append("k", deeper), doctest::Contains("deeper than 20"), TooLargeError);
  CHECK(failure_of<TooLargeError>(stored<Tree>(nested(21), limits)).find("deeper than 20") != std::string::npos);
  for (const char* one : {"\x91", "\x81", "\xdc\x00\x01"}) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += *one == '\xdc' ? "\xdc\x00\x01"_b : one[0] == '\x81' ? "\x81\x01"_b : one;
    deep += '\x01';
    CHECK(failure_of<TooLargeError>(stored<Tree>(deep)).find("deeper than 64") != std::string::npos);
    CHECK(failure_of<TooLargeError>(stored<Tree>(deep, {.depth = 1024})).find("deeper than 1024") != std::string::npos);
  }
  CHECK(stored<Tree>(nested(1024), {.depth = 1024}).get("k").size() == 1);
  CHECK_THROWS_AS((Packed<int>{memory_store(), {.depth = 1025}}), InvalidArgumentError);
  CHECK_THROWS_AS((Packed<int>{memory_store(), {.depth = 0}}), InvalidArgumentError);
}

TEST_CASE("what is beyond the limits is neither read nor appended") {
  const PackedLimits limits{.depth = 2, .elements = 3, .string_bytes = 4, .item_bytes = 10};
  using Lists = std::vector<std::vector<int>>;
  using Strings = std::vector<std::string>;
  const auto check = [&](const auto& item, bool fits) {
    using T = std::decay_t<decltype(item)>;
    CHECK(failure_of<TooLargeError>(stored<T>(packed_bytes(item), limits)).empty() == fits);
    Packed<T> packed{memory_store(), limits};
    if (fits) {
      packed.append_items("k", std::vector<T>{item, item});
      CHECK(packed.get("k").size() == 2);
    } else {
      CHECK_THROWS_AS(packed.append("k", item), TooLargeError);
      CHECK_FALSE(packed.store().size("k").has_value());
    }
  };
  check(Lists{{1}, {2}, {3}}, true);
  check(Lists{{1, 2, 3, 4}}, false);
  check(std::map<int, int>{{1, 1}, {2, 2}, {3, 3}}, true);
  check(std::map<int, int>{{1, 1}, {2, 2}, {3, 3}, {4, 4}}, false);
  check(std::vector<Lists>(1, Lists(1)), false);
  check(std::string("four"), true);
  check(std::string("fives"), false);
  check(std::vector<char>(5), false);
  check(msgpack::type::ext(1, "fives", 5), false);
  check(Strings{"four", "thr"}, true);
  check(Strings{"four", "four"}, false);
  check(std::vector<double>{1.5}, true);
  check(std::vector<double>{1.5, 1.5}, false);
}

TEST_CASE("a limit of an item's bytes bounds what a reader reads of it") {
  const std::unique_ptr<Store> memory = memory_store();
  memory->append("k", "\xdd\x00\x0f\x42\x40"_b + std::string(1'000'000, '\x01'));
  const MeteredStore metered(*memory);
  PackedItems items(metered, "k", {.item_bytes = 500'000});
  CHECK_THROWS_AS(static_cast<void>(items.next()), TooLargeError);
  CHECK(metered.largest_read() <= 256 << 10);
}

TEST_CASE("what an adaptor throws, or packs amiss, is an error of accrete, and nothing is appended") {
  Packed<Moody> packed{memory_store()};
  CHECK_THROWS_WITH_AS(packed.append("k", {0}), doctest::Contains("cannot be packed: not today"), InvalidArgumentError);
  CHECK_THROWS_AS(packed.append("k", {1}), InvalidArgumentError);
  CHECK_FALSE(packed.store().size("k").has_value());
  packed.store().append("k", "\x01");
  CHECK_THROWS_AS(static_cast<void>(packed.get("k")), TypeMismatchError);
}

TEST_CASE("an append that fails leaves nothing behind for the next one") {
  Packed<std::string> packed{memory_store(), {.string_bytes = 10}};
  const std::vector<std::string> items = {"good", std::string(11, 'x')};
  CHECK_THROWS_WITH_AS(packed.append_items("k", items), doctest::Contains("cannot append item 2 to key 'k'"),
                       TooLargeError);
  packed.append("k", "next");
  CHECK((packed.get("k") == std::vector<std::string>{"next"}));
}

}  // namespace
}  // namespace accrete::test
