#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <accrete/numeric.hpp>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <numeric>
#include <utility>

#include "support/child.hpp"
#include "support/hooked_store.hpp"
#include "support/require.hpp"
#include "typed/piece.hpp"
#include "typed/samples.hpp"
#include "typed/stores.hpp"

namespace accrete::test {
namespace {

template <typename T>
std::vector<T> counted(std::size_t count) {
  std::vector<T> numbers(count);
  std::iota(numbers.begin(), numbers.end(), T{});
  return numbers;
}

template <typename T>
void check_round_trip(const std::vector<T>& elements) {
  over_every_store([&](std::unique_ptr<Store> store) {
    Numeric<T> numeric{std::move(store)};
    numeric.append("k", elements);
    numeric.append("k", elements);
    std::vector<T> twice = elements;
    twice.insert(twice.end(), elements.begin(), elements.end());
    CHECK((numeric.get("k") == twice));
    CHECK(numeric.size("k") == twice.size());
  });
}

TEST_CASE("every type of number comes back as it was appended") {
  check_round_trip<std::int8_t>({-128, 0, 127});
  check_round_trip<std::int16_t>({-32768, 32767});
  check_round_trip<std::int32_t>({std::numeric_limits<std::int32_t>::min(), 1});
  check_round_trip<std::int64_t>({std::numeric_limits<std::int64_t>::min(), 1});
  check_round_trip<std::uint8_t>({255});
  check_round_trip<std::uint16_t>({65535});
  check_round_trip<std::uint32_t>({~std::uint32_t{0}});
  check_round_trip<std::uint64_t>({~std::uint64_t{0}});
  check_round_trip<float>({1.5F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::denorm_min()});
  check_round_trip<double>({0.1, -1e308});
  check_round_trip<std::complex<float>>({{1, -2}, {3, 4}});
  check_round_trip<std::complex<double>>({{0.1, -0.2}});
  check_round_trip<Point>({{1, 2}, {3, 4}});
}

TEST_CASE("NaNs and negative zeros come back bit for bit") {
  constexpr std::array<std::uint64_t, 4> patterns = {0x8000000000000000, 0x7FF8000000001234, 0xFFF0000000000001,
                                                     0x7FF4DEADBEEF0000};
  std::vector<double> odd(patterns.size());
  std::memcpy(odd.data(), patterns.data(), sizeof patterns);
  Numeric<double> numeric{memory_store()};
  numeric.append("k", odd);
  const std::vector<double> back = numeric.get("k");
  REQUIRE(back.size() == odd.size());
  CHECK(std::memcmp(back.data(), odd.data(), sizeof patterns) == 0);
}

TEST_CASE("bools are a byte each, and come back as vector<bool>") {
  Numeric<bool> flags{memory_store()};
  flags.append("k", {true, false, true});
  CHECK(flags.get("k") == std::vector<bool>{true, false, true});
  std::array<bool, 3> room{};
  CHECK(flags.get_into("k", room) == 3);
  CHECK(room == std::array<bool, 3>{true, false, true});
}

TEST_CASE("a bool that is neither 0 nor 1 in memory is refused and stores nothing") {
  const std::unique_ptr<Store> store = memory_store();
  Numeric<bool> flags{*store};
  flags.append("k", {true});
  std::array<bool, 3> bad{};
  std::memset(bad.data() + 1, 2, 1);
  CHECK_THROWS_WITH_AS(flags.append("k", bad), "cannot append to key 'k': a bool is neither 0 nor 1 in memory",
                       InvalidArgumentError);
  CHECK_THROWS_AS(flags.append("new", bad), InvalidArgumentError);
  const std::array<NumericEntry<bool>, 2> batch = {{{"other", {}}, {"new", bad}}};
  CHECK_THROWS_AS(flags.append_batch(batch), InvalidArgumentError);
  CHECK(flags.get("k") == std::vector<bool>{true});

  std::array<Sample, 2> samples{};
  std::memset(&samples[1].valid, 2, 1);
  CHECK_THROWS_AS(Numeric<Sample>{*store}.append("new", samples), InvalidArgumentError);
  CHECK_THROWS_AS(Columns{*store}.append("new", {column("flags", bad)}), InvalidArgumentError);
  CHECK(store->stats().keys == 1);
}

TEST_CASE("a struct is stored by its fields, wherever they stand in memory") {
  std::array<Sample, 2> samples{};
  samples[0] = {.valid = true, .reading = -0.5, .channel = -7, .scratch = 99, .phase = {1, 2}};
  samples[1].reading = 3;
  const std::unique_ptr<Store> store = memory_store();
  Numeric<Sample> numeric{*store};
  numeric.append("k", samples);
  CHECK(store->get("k").size() == 32 + 56 + 40);  // the schema has 56 bytes, and each element 19
  const std::vector<SampleInOtherOrder> others = Numeric<SampleInOtherOrder>{*store}.get("k");
  REQUIRE(others.size() == 2);
  CHECK(others[0].valid);
  CHECK(others[0].reading == -0.5);
  CHECK(others[0].channel == -7);
  CHECK(others[0].phase == std::complex<float>(1, 2));
  CHECK(others[1].reading == 3);
  const std::vector<Sample> back = numeric.get("k");
  REQUIRE(back.size() == 2);
  CHECK(back[0].phase == std::complex<float>(1, 2));
  CHECK(back[0].scratch == 0);
}

TEST_CASE("what lies between the members of a struct is not stored") {
  std::array<std::string, 2> values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::array<Sample, 3> samples;
    std::memset(static_cast<void*>(samples.data()), i == 0 ? 0 : 0xFF, sizeof samples);
    for (Sample& sample : samples) {
      sample.valid = true;
      sample.reading = 1;
      sample.channel = 2;
      sample.phase = {3, 4};
    }
    Numeric<Sample> numeric{memory_store()};
    numeric.append("k", samples);
    values[i] = numeric.store().get("k");
  }
  CHECK((values[0] == values[1]));
}

TEST_CASE("arrays of many pieces are read whole, in pieces and into a span") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Numeric<double> numeric{std::move(store)};
    // Below, at and above a piece and a window; small ones between large ones.
    std::vector<double> all;
    for (const std::size_t count :
         std::initializer_list<std::size_t>{32767, 32768, 32769, 1, 2, 3, 70000, 0, 100000, 33000}) {
      const std::vector<double> some = counted<double>(count);
      numeric.append("k", some);
      all.insert(all.end(), some.begin(), some.end());
    }
    CHECK((numeric.get("k") == all));
    CHECK(numeric.size("k") == all.size());

    std::vector<double> in_pieces;
    std::size_t most = 0;
    NumericPieces<double> pieces = numeric.pieces("k");
    for (std::span<const double> some; !(some = pieces.next()).empty();) {
      in_pieces.insert(in_pieces.end(), some.begin(), some.end());
      most = std::max(most, some.size_bytes());
    }
    CHECK((in_pieces == all));
    CHECK(most <= 300 << 10);
    CHECK(pieces.next().empty());

    std::vector<double> room(all.size() + 1, -1);
    CHECK(numeric.get_into("k", room) == all.size());
    CHECK(room.back() == -1);
    room.pop_back();
    CHECK((room == all));
    room.pop_back();
    CHECK_THROWS_AS(static_cast<void>(numeric.get_into("k", room)), TooLargeError);
  });
}

TEST_CASE("a value that was read before is gone through in pieces, too") {
  const std::unique_ptr<Store> store = memory_store();
  Numeric<std::int32_t> numeric{*store};
  for (int i = 0; i < 10; ++i) numeric.append("k", counted<std::int32_t>(50000));
  NumericPieces<std::int32_t> pieces(store->get("k"), "k");
  std::size_t count = 0;
  std::size_t calls = 0;
  for (std::span<const std::int32_t> some; !(some = pieces.next()).empty(); ++calls) {
    CHECK(some.front() == 0);
    count += some.size();
  }
  CHECK(count == 500000);
  CHECK(calls > 1);
}

TEST_CASE("many small appends are read whole") {
  Numeric<std::int32_t> numeric{memory_store()};
  for (std::int32_t i = 0; i < 20000; ++i) numeric.append("k", {i});
  CHECK((numeric.get("k") == counted<std::int32_t>(20000)));
  CHECK(numeric.size("k") == 20000);
}

TEST_CASE("a value that is read in steps has its room made once") {
  for (const std::size_t length : std::initializer_list<std::size_t>{1, 30, 1000, 5000, 30'000}) {
    CAPTURE(length);
    Numeric<double> numeric{memory_store()};
    // As a batch begins a new key: with a piece without elements.
    numeric.append("k", {});
    const std::vector<double> some = counted<double>(length);
    while (numeric.store().size("k") < 1'500'000U) numeric.append("k", some);
    const std::vector<double> all = numeric.get("k");
    CHECK(all.size() == numeric.size("k"));
    CHECK(all.capacity() <= all.size() + all.size() / 16 + 1);
  }
}

TEST_CASE("pieces as large as the format allows are read") {
  const std::unique_ptr<Store> store = memory_store();
  Numeric<std::uint8_t> numeric{*store};
  const std::vector<std::uint8_t> expected(3 * max_payload_size, 7);
  for (int i = 0; i < 3; ++i) {
    std::string piece;
    const std::size_t begin =
        begin_piece({.code = static_cast<std::uint8_t>(NumberType::uint8), .element_size = 1}, max_payload_size, piece);
    piece.append(max_payload_size, '\7');
    finish_piece(begin, piece);
    store->append("k", piece);
  }
  CHECK((numeric.get("k") == expected));
  CHECK(numeric.size("k") == expected.size());
}

TEST_CASE("an append of no elements brings an empty value of the type into being") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Numeric<double> numeric{*store};
    CHECK(numeric.size("k") == std::nullopt);
    CHECK(numeric.get("k").empty());
    numeric.append("k", {});
    CHECK(numeric.size("k") == 0);
    CHECK(numeric.get("k").empty());
    CHECK(numeric.pieces("k").next().empty());
    CHECK(numeric.get_into("k", {}) == 0);
    CHECK_THROWS_AS(Numeric<float>{*store}.append("k", {1}), TypeMismatchError);
  });
}

TEST_CASE("another type is a TypeMismatchError and stores nothing") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Numeric<double> doubles{*store};
    doubles.append("k", {1, 2});
    const Stats before = store->stats();
    Numeric<float> floats{*store};
    CHECK_THROWS_WITH_AS(floats.append("k", {3}), "the value of key 'k' at byte 0 holds float64, not float32",
                         TypeMismatchError);
    CHECK_THROWS_AS(Numeric<Point>{*store}.append("k", {Point{1, 2}}), TypeMismatchError);
    const std::array<float, 1> one = {1};
    const std::array<NumericEntry<float>, 2> batch = {{{"new", one}, {"k", one}}};
    CHECK_THROWS_AS(floats.append_batch(batch), TypeMismatchError);
    CHECK_THROWS_AS(floats.append_batch(std::span(batch).last(1), {.expect_size = 2}), TypeMismatchError);
    CHECK_THROWS_AS(static_cast<void>(floats.get("k")), TypeMismatchError);
    CHECK_THROWS_AS(static_cast<void>(floats.size("k")), TypeMismatchError);
    CHECK_FALSE(store->size("new"));
    CHECK(store->stats().bytes == before.bytes);
    CHECK(doubles.get("k") == std::vector<double>{1, 2});

    store->append("raw", "some text");
    CHECK_THROWS_AS(doubles.append("raw", {1}), TypeMismatchError);
    CHECK(store->get("raw") == "some text");
  });
}

TEST_CASE("a key that was erased takes another type") {
  const std::unique_ptr<Store> store = memory_store();
  Numeric<double> doubles{*store};
  Numeric<float> floats{*store};
  doubles.append("k", {1});
  doubles.erase("k");
  floats.append("k", {2});
  CHECK(floats.get("k") == std::vector<float>{2});
  CHECK_THROWS_AS(doubles.append("k", {1}), TypeMismatchError);
}

TEST_CASE("two types in one value, which only an erase by others can bring about, are noticed by reading") {
  const std::unique_ptr<Store> store = memory_store();
  Numeric<double> doubles{*store};
  Numeric<float> floats{*store};
  doubles.append("k", {1});
  store->erase("k");
  floats.append("k", {2});
  doubles.append("k", {1});
  CHECK_THROWS_AS(static_cast<void>(doubles.get("k")), TypeMismatchError);
  CHECK_THROWS_AS(static_cast<void>(floats.get("k")), TypeMismatchError);
}

TEST_CASE("a batch goes to all of its keys, and is read back at one moment") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Numeric<std::int32_t> numeric{std::move(store)};
    const std::vector<std::int32_t> small = {1, 2};
    const std::vector<std::int32_t> large = counted<std::int32_t>(100000);
    const std::array<NumericEntry<std::int32_t>, 4> batch = {{{"a", small}, {"b", large}, {"a", small}, {"c", {}}}};
    numeric.append_batch(batch);
    const std::array<std::string_view, 4> keys = {"c", "b", "missing", "a"};
    const auto values = numeric.get_batch(keys);
    REQUIRE(values.size() == 4);
    CHECK(values[0].empty());
    CHECK((values[1] == large));
    CHECK(values[2].empty());
    CHECK(values[3] == std::vector<std::int32_t>{1, 2, 1, 2});
    CHECK((numeric.get_batch(std::span(keys).subspan(1, 1)).at(0) == large));
    CHECK(numeric.get_batch(std::span(keys).first(0)).empty());
    CHECK(numeric.size("c") == 0);
    CHECK_FALSE(numeric.size("missing"));
    numeric.append_batch({});
  });
}

TEST_CASE("expect_size counts elements, and a batch with an id is applied once") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Numeric<float> numeric{std::move(store)};
    const std::array<float, 2> two = {1, 2};
    const std::array<NumericEntry<float>, 1> batch = {{{"k", two}}};
    const BatchId id{.writer = {}, .sequence = 1};
    CHECK_THROWS_AS(numeric.append_batch(batch, {.expect_size = 2}), SizeMismatchError);
    numeric.append_batch(batch, {.expect_size = 0});
    CHECK_THROWS_AS(numeric.append_batch(batch, {.expect_size = 0}), SizeMismatchError);
    CHECK_THROWS_AS(numeric.append_batch(batch, {.expect_size = 3}), SizeMismatchError);
    numeric.append_batch(batch, {.expect_size = 2, .id = id});
    numeric.append_batch(batch, {.expect_size = 2, .id = id});
    numeric.append_batch(batch, {.sync = true, .id = id});
    CHECK(numeric.size("k") == 4);
    const std::array<NumericEntry<float>, 2> entries = {{{"k", two}, {"new", two}}};
    CHECK_THROWS_AS(numeric.append_batch(entries, {.expect_size = 4}), InvalidArgumentError);
    CHECK_FALSE(numeric.size("new"));
  });
}

TEST_CASE("expect_size 0 asks that a key is new, whatever a value without elements holds") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Numeric<float> numeric{*store};
    const std::array<float, 2> two = {1, 2};
    const std::array<NumericEntry<float>, 1> batch = {{{"k", two}}};
    numeric.append("k", {});
    CHECK_THROWS_WITH_AS(numeric.append_batch(batch, {.expect_size = 0}),
                         "the value of key 'k' was expected to be new, but it has 0", SizeMismatchError);
    CHECK_THROWS_WITH_AS(numeric.append_batch(batch, {.expect_size = 2}),
                         "the value of key 'k' was expected to have 2 elements, but it has 0", SizeMismatchError);
    const std::array<NumericEntry<float>, 1> raw = {{{"raw", two}}};
    store->append("raw", "");
    CHECK_THROWS_AS(numeric.append_batch(raw, {.expect_size = 0}), SizeMismatchError);
    CHECK(numeric.size("k") == 0);
    CHECK(store->size("raw") == 0);
  });
}

TEST_CASE("of several that expect a key to be new, one appends, also where it has no elements to append") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  store.before = [&](HookedStore::Call call, std::string_view) {
    if (call == HookedStore::Call::append && !memory->size("k")) Numeric<float>{*memory}.append("k", {});
  };
  const std::array<NumericEntry<float>, 1> none = {{{"k", {}}}};
  CHECK_THROWS_AS(Numeric<float>{store}.append_batch(none, {.expect_size = 0}), SizeMismatchError);
}

TEST_CASE("an append of no elements meanwhile does not change how many are expected") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  Numeric<float> numeric{store};
  numeric.append("k", {1, 2});
  int appends = 0;
  store.before = [&](HookedStore::Call call, std::string_view) {
    if (call == HookedStore::Call::append && ++appends == 1) Numeric<float>{*memory}.append("k", {});
  };
  const std::array<float, 1> one = {3};
  const std::array<NumericEntry<float>, 1> batch = {{{"k", one}}};
  numeric.append_batch(batch, {.expect_size = 2});
  CHECK(appends == 2);
  CHECK(numeric.get("k") == std::vector<float>{1, 2, 3});
}

TEST_CASE("a batch begins each new key once, however often it names it") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  Numeric<float> numeric{store};
  const std::array<float, 1> one = {1};
  const std::vector<NumericEntry<float>> batch(1000, {"a", one});
  numeric.append_batch(batch);
  CHECK(store.count(HookedStore::Call::append) == 2);
  CHECK(store.count(HookedStore::Call::get_range) == 1);
  CHECK(store.count(HookedStore::Call::size) == 0);
  CHECK(memory->get("a").size() == piece_header_size + 1000 * (piece_header_size + padded_size(sizeof(float))));

  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("key" + std::to_string(i));
  std::vector<NumericEntry<float>> distinct;
  for (const std::string& name : names) distinct.push_back({name, one});
  store.forget_counts();
  numeric.append_batch(distinct);
  CHECK(store.count(HookedStore::Call::append) == 1001);
  CHECK(store.count(HookedStore::Call::get_range) == 1000);
  CHECK(store.count(HookedStore::Call::size) == 0);
}

TEST_CASE("appends to many thousand keys that were appended to before read nothing") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  Numeric<float> numeric{store};
  for (int round = 0; round < 2; ++round) {
    store.forget_counts();
    for (int i = 0; i < 20'000; ++i) numeric.append("key" + std::to_string(i), {1});
  }
  CHECK(store.count(HookedStore::Call::append) == 20'000);
  CHECK(store.count(HookedStore::Call::get_range) == 0);
  CHECK(store.count(HookedStore::Call::size) == 0);
}

TEST_CASE("a batch that was applied already changes nothing when it comes again") {
  const std::unique_ptr<Store> store = memory_store();
  Numeric<float> numeric{*store};
  const std::array<float, 1> one = {1};
  const std::array<NumericEntry<float>, 2> batch = {{{"k", one}, {"l", one}}};
  const BatchId id{.writer = {}, .sequence = 7};
  numeric.append_batch(batch, {.id = id});
  numeric.erase("k");
  numeric.erase("l");
  numeric.append_batch(batch, {.id = id});
  numeric.append_batch(std::span(batch).first(1), {.id = id});
  CHECK(store->stats().keys == 0);

  // The key is not taken for one of floats since.
  Numeric<double>{*store}.append("k", {2});
  numeric.append_batch(batch, {.id = id});
  numeric.append_batch(std::span(batch).first(1), {.id = id});
  CHECK_THROWS_AS(numeric.append("k", {1}), TypeMismatchError);
  CHECK(Numeric<double>{*store}.get("k") == std::vector<double>{2});
  CHECK(store->stats().keys == 1);
}

TEST_CASE("a key that is erased while it is appended to takes another type") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  using Call = HookedStore::Call;
  for (const Call erased_after : {Call::get_range, Call::append}) {
    Numeric<float> numeric{store};
    memory->drop();
    if (erased_after == Call::get_range) Numeric<float>{*memory}.append("k", {0});
    bool is_erased = false;
    store.after = [&](Call call, std::string_view) {
      if (call == erased_after && !std::exchange(is_erased, true)) numeric.erase("k");
    };
    numeric.append("k", {1});
    CHECK(is_erased);
    store.after = {};
    memory->erase("k");
    Numeric<double>{*memory}.append("k", {2});
    CHECK_THROWS_AS(numeric.append("k", {1}), TypeMismatchError);
    CHECK(Numeric<double>{*memory}.get("k") == std::vector<double>{2});
  }
}

/// Appends in several steps, of which the n-th fails.
template <typename Append>
void check_failing_steps(Append append) {
  int n = 0;
  for (bool is_done = false; !is_done; ++n) {
    const std::unique_ptr<Store> memory = memory_store();
    HookedStore store(*memory);
    int calls = 0;
    store.before = [&](HookedStore::Call, std::string_view) {
      if (calls++ == n) throw IoError("fail at", "a step", EIO);
    };
    Numeric<float> numeric{store};
    CAPTURE(n);
    try {
      append(numeric);
      is_done = true;
    } catch (const IoError&) {
      store.before = {};
      CHECK(numeric.get("a").empty());
      CHECK(numeric.get("b").empty());
      append(numeric);
    }
    store.before = {};
    CHECK(numeric.get("a") == std::vector<float>{1, 2});
    CHECK(numeric.get("b") == std::vector<float>{2});
  }
  CHECK(n > 3);
}

TEST_CASE("a batch of which a step fails is not appended, and is in whole when it comes again") {
  const std::array<float, 2> two = {1, 2};
  const std::array<NumericEntry<float>, 3> batch = {
      {{"a", std::span(two).first(1)}, {"b", std::span(two).last(1)}, {"a", std::span(two).last(1)}}};
  check_failing_steps([&](Numeric<float>& numeric) { numeric.append_batch(batch); });
  check_failing_steps(
      [&](Numeric<float>& numeric) { numeric.append_batch(batch, {.id = BatchId{.writer = {}, .sequence = 1}}); });
}

template <typename T>
void append_to_each(const std::string& dataset, int keys) {
  Numeric<T> numeric{open(dataset)};
  for (int i = 0; i < keys; ++i) {
    try {
      numeric.append("key" + std::to_string(i), {T{1}});
    } catch (const TypeMismatchError&) {
    }
  }
}

template <typename T>
bool holds(Store& store, const std::string& key) {
  try {
    return Numeric<T>{store}.get(key) == std::vector<T>{1};
  } catch (const TypeMismatchError&) {
    return false;
  }
}

TEST_CASE("of two processes that append first to a key, one wins") {
  const TemporaryDirectory directory;
  const std::string dataset = directory / "dataset";
  create(dataset);
  constexpr int keys = 200;
  const pid_t doubles = start_child([&] { append_to_each<double>(dataset, keys); });
  const pid_t floats = start_child([&] { append_to_each<float>(dataset, keys); });
  CHECK(succeeds(doubles));
  CHECK(succeeds(floats));
  const std::unique_ptr<Store> store = open(dataset);
  for (int i = 0; i < keys; ++i) {
    const std::string key = "key" + std::to_string(i);
    CHECK(holds<double>(*store, key) != holds<float>(*store, key));
  }
}

TEST_CASE("a Numeric goes on in a forked child") {
  const TemporaryDirectory directory;
  create(directory / "dataset");
  Numeric<double> numeric{open(directory / "dataset")};
  numeric.append("k", {1});
  CHECK(succeeds(start_child([&] {
    numeric.append("k", {2});
    numeric.append("of the child", {3});
    require(numeric.get("k") == std::vector<double>{1, 2}, "the child reads what it and its parent have appended");
  })));
  numeric.append("k", {4});
  CHECK(numeric.get("k") == std::vector<double>{1, 2, 4});
  CHECK(numeric.get("of the child") == std::vector<double>{3});
}

TEST_CASE("elements at any address are appended") {
  const std::vector<double> numbers = counted<double>(100);
  std::vector<std::byte> bytes(1 + numbers.size() * sizeof(double));
  std::memcpy(bytes.data() + 1, numbers.data(), numbers.size() * sizeof(double));
  detail::ElementValues numeric(memory_store(), detail::layout_of<double>());
  const Entry entry{"k", {reinterpret_cast<const char*>(bytes.data() + 1), bytes.size() - 1}};
  numeric.append_batch({&entry, 1}, {});
  CHECK((Numeric<double>{numeric.store()}.get("k") == numbers));
  std::vector<std::byte> back(bytes.size());
  CHECK(numeric.get_into("k", std::span(back).subspan(1)) == numbers.size());
  CHECK((back == bytes));
}

/// Far larger in memory than stored.
struct Fat {
  std::array<char, 4095> scratch;
  bool flag;
};
struct BadName {
  int number;
};
struct Twins {
  int a, b;
};
struct Nameless {
  double scratch;
  int number;
};
/// With a member of its base for a field.
struct Point3 : Point {
  float z;
};

}  // namespace
}  // namespace accrete::test

template <>
struct accrete::Schema<accrete::test::Fat> {
  static constexpr std::tuple fields{field("flag", &test::Fat::flag)};
};
template <>
struct accrete::Schema<accrete::test::BadName> {
  static constexpr std::tuple fields{field("a:b", &test::BadName::number)};
};
template <>
struct accrete::Schema<accrete::test::Twins> {
  static constexpr std::tuple fields{field("a", &test::Twins::a), field("a", &test::Twins::b)};
};
template <>
struct accrete::Schema<accrete::test::Nameless> {
  static constexpr std::tuple fields{field("", &test::Nameless::number)};
};
template <>
struct accrete::Schema<accrete::test::Point3> {
  static constexpr std::tuple fields{field("x", &test::Point3::x), field("z", &test::Point3::z)};
};

namespace accrete::test {
namespace {

TEST_CASE("pieces of elements that are far larger in memory than stored take little memory, too") {
  const std::unique_ptr<Store> store = memory_store();
  Numeric<Fat> numeric{*store};
  std::vector<Fat> some(1000);
  for (std::size_t i = 0; i < some.size(); ++i) some[i].flag = i % 3 == 0;
  for (int i = 0; i < 10; ++i) numeric.append("k", some);
  std::array<NumericPieces<Fat>, 2> readers = {numeric.pieces("k"), NumericPieces<Fat>(store->get("k"), "k")};
  for (NumericPieces<Fat>& pieces : readers) {
    std::size_t count = 0;
    for (std::span<const Fat> stretch; !(stretch = pieces.next()).empty();) {
      CHECK(stretch.size_bytes() <= 1 << 20);
      for (const Fat& element : stretch) {
        if (element.flag != (count++ % 1000 % 3 == 0)) FAIL("the elements are not in their order");
      }
    }
    CHECK(count == 10 * some.size());
  }
  CHECK(numeric.get("k").size() == 10 * some.size());
}

TEST_CASE("a member of a base is a field like others") {
  Numeric<Point3> points{memory_store()};
  std::array<Point3, 1> one{};
  one[0].x = 1;
  one[0].z = 3;
  points.append("k", one);
  const std::vector<Point3> back = points.get("k");
  REQUIRE(back.size() == 1);
  CHECK(back[0].x == 1);
  CHECK(back[0].z == 3);
}

TEST_CASE("schemas with bad names, and keys that are none, are refused") {
  CHECK_THROWS_AS(Numeric<BadName>{memory_store()}, InvalidArgumentError);
  CHECK_THROWS_AS(Numeric<Twins>{memory_store()}, InvalidArgumentError);
  CHECK_THROWS_AS(Numeric<Nameless>{memory_store()}, InvalidArgumentError);
  Numeric<double> numeric{memory_store()};
  CHECK_THROWS_AS(numeric.append("", {1}), InvalidKeyError);
  CHECK_THROWS_AS(numeric.append(std::string(max_key_size + 1, 'k'), {1}), InvalidKeyError);
  CHECK_THROWS_AS(static_cast<void>(numeric.get("")), InvalidKeyError);
}

}  // namespace
}  // namespace accrete::test
