#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <array>
#include <cerrno>
#include <cstring>
#include <doctest/doctest.h>
#include <optional>
#include <utility>

#include "support/hooked_store.hpp"
#include "typed/stores.hpp"

namespace accrete::test {
namespace {

const std::vector<float> delays = {1.5F, -2};
const std::vector<std::int32_t> distances = {100, 200};

TEST_CASE("columns grow by rows and are read by name") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Columns events{std::move(store)};
    events.append("SEA", {column("delay", delays), column("distance", distances)});
    events.append("SEA", {column("distance", distances), column("delay", delays)});
    CHECK(events.get<float>("SEA", "delay") == std::vector<float>{1.5F, -2, 1.5F, -2});
    CHECK(events.get<std::int32_t>("SEA", "distance") == std::vector<std::int32_t>{100, 200, 100, 200});
    CHECK(events.rows("SEA") == 4);
    CHECK(events.columns("SEA") ==
          std::vector<ColumnType>{{"delay", NumberType::float32}, {"distance", NumberType::int32}});
    CHECK(events.pieces<float>("SEA", "delay").next().size() == 4);
    CHECK_THROWS_AS(static_cast<void>(events.get<double>("SEA", "delay")), TypeMismatchError);
  });
}

TEST_CASE("a missing key has no columns and reads as empty, and an empty append has no rows") {
  Columns events{memory_store()};
  CHECK(events.columns("k").empty());
  CHECK_FALSE(events.rows("k"));
  CHECK(events.get<float>("k", "delay").empty());
  events.append("k", {column("delay", std::vector<float>{})});
  CHECK(events.rows("k") == 0);
  CHECK(events.columns("k") == std::vector<ColumnType>{{"delay", NumberType::float32}});
  CHECK(events.get<float>("k", "delay").empty());
  CHECK(events.pieces<float>("k", "delay").next().empty());
}

TEST_CASE("a column that a key does not have is refused by its name") {
  Columns events{memory_store()};
  events.append("k", {column("delay", delays), column("distance", distances)});
  const char* message = "the key 'k' has no column 'Delay': its rows are struct(delay:float32,distance:int32)";
  CHECK_THROWS_WITH_AS(static_cast<void>(events.get<float>("k", "Delay")), message, InvalidArgumentError);
  CHECK_THROWS_WITH_AS(static_cast<void>(events.pieces<float>("k", "Delay")), message, InvalidArgumentError);
  CHECK_THROWS_WITH_AS(static_cast<void>(events.get<float, float>("k", {"delay", "Delay"})), message,
                       InvalidArgumentError);
}

TEST_CASE("several columns are read at one moment") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Columns events{std::move(store)};
    const std::vector<bool> late = {true, false};
    const auto append = [&] {
      events.append("k", {column("delay", delays), column("distance", distances), column("late", late)});
    };
    for (int i = 0; i < 2; ++i) append();
    const auto [first, second, third] = events.get<std::int32_t, bool, float>("k", {"distance", "late", "delay"});
    CHECK(first == std::vector<std::int32_t>{100, 200, 100, 200});
    CHECK(second == std::vector<bool>{true, false, true, false});
    CHECK(third == std::vector<float>{1.5F, -2, 1.5F, -2});
    CHECK_THROWS_AS((static_cast<void>(events.get<float, float>("k", {"delay", "distance"}))), TypeMismatchError);
    const auto [none, nothing] = events.get<float, float>("missing", {"delay", "distance"});
    CHECK(none.empty());
    CHECK(nothing.empty());
  });
}

TEST_CASE("columns whose types are not known are read into memory that is asked for by type") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Columns events{std::move(store)};
    for (int i = 0; i < 2; ++i) events.append("k", {column("delay", delays), column("distance", distances)});
    std::vector<std::vector<std::byte>> rooms;
    std::vector<NumberType> types;
    const auto room = [&](std::size_t index, NumberType type, std::size_t max_rows) -> std::span<std::byte> {
      CHECK(index == rooms.size());
      CHECK(max_rows >= 4);
      types.push_back(type);
      return rooms.emplace_back(max_rows * 4);
    };
    const std::array<std::string_view, 2> names = {"distance", "delay"};
    CHECK(events.get_into("k", names, room) == 4);
    CHECK(types == std::vector{NumberType::int32, NumberType::float32});
    const std::vector<std::int32_t> expected = {100, 200, 100, 200};
    CHECK(std::memcmp(rooms[0].data(), expected.data(), 16) == 0);
    CHECK(events.get_into("missing", names, room) == 0);
    CHECK(rooms.size() == 2);

    const auto no_room = [](std::size_t, NumberType, std::size_t) { return std::span<std::byte>(); };
    CHECK_THROWS_AS(events.get_into("k", names, no_room), InvalidArgumentError);
    CHECK_THROWS_AS(events.get_into("k", {}, no_room), InvalidArgumentError);
    const std::array<std::string_view, 2> others = {"delay", "Delay"};
    CHECK_THROWS_WITH_AS(events.get_into("k", others, room),
                         "the key 'k' has no column 'Delay': its rows are struct(delay:float32,distance:int32)",
                         InvalidArgumentError);
  });
}

TEST_CASE("an append between two reads does not make columns of different lengths") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  Columns events{store};
  const auto append = [&] { Columns{*memory}.append("k", {column("a", delays), column("b", delays)}); };
  append();
  store.before = store.after = [&](HookedStore::Call, std::string_view) { append(); };
  const auto [a, b] = events.get<float, float>("k", {"a", "b"});
  CHECK(a.size() > delays.size());
  CHECK(a == b);
}

TEST_CASE("columns that are not equally long are an error when they are read together") {
  const std::unique_ptr<Store> store = memory_store();
  Columns events{*store};
  events.append("k", {column("a", delays), column("b", delays)});
  Numeric<float>{*store}.append(Columns::column_key("k", "b"), {3});
  CHECK_THROWS_WITH_AS((static_cast<void>(events.get<float, float>("k", {"a", "b"}))),
                       "the key 'k' is damaged: the column 'a' has 2 rows and the column 'b' has 3", CorruptionError);
}

TEST_CASE("the keys of tables are listed, without other keys of the store") {
  const std::unique_ptr<Store> store = memory_store();
  Columns events{*store};
  const std::string odd("a\0b", 3);
  for (const std::string& key : {std::string("b"), std::string("a"), odd, std::string("ab")}) {
    events.append(key, {column("delay", delays)});
  }
  store->append("raw", "text");
  store->append(std::string(1, '\0'), "text");
  CHECK(events.keys() == std::vector<std::string>{"a", odd, "ab", "b"});
  CHECK(events.keys("a") == std::vector<std::string>{"a", odd, "ab"});
  CHECK(events.keys("ab") == std::vector<std::string>{"ab"});
  CHECK(events.keys(odd + '\0').empty());
  events.erase("a");
  CHECK(events.keys("a") == std::vector<std::string>{odd, "ab"});
}

TEST_CASE("a column of a vector<bool> keeps its numbers") {
  Columns events{memory_store()};
  std::optional<Column> flags;
  flags = column("late", std::vector<bool>{true, false, true});
  const std::vector<Column> copies(3, *flags);
  flags.reset();
  events.append("k", std::span(copies).last(1));
  CHECK(events.get<bool>("k", "late") == std::vector<bool>{true, false, true});
}

TEST_CASE("other columns and other types are TypeMismatchErrors, and store nothing") {
  over_every_store([&](std::unique_ptr<Store> store) {
    Columns events{*store};
    events.append("k", {column("delay", delays), column("distance", distances)});
    const Stats before = store->stats();
    Columns others{*store};
    for (Columns* columns : {&events, &others}) {
      CHECK_THROWS_AS(columns->append("k", {column("delay", delays)}), TypeMismatchError);
      CHECK_THROWS_AS(columns->append("k", {column("delay", delays), column("speed", distances)}), TypeMismatchError);
      CHECK_THROWS_AS(columns->append("k", {column("delay", distances), column("distance", distances)}),
                      TypeMismatchError);
      CHECK_THROWS_AS(
          columns->append("k", {column("delay", delays), column("distance", distances), column("speed", distances)}),
          TypeMismatchError);
    }
    CHECK(store->stats().bytes == before.bytes);
    CHECK(store->stats().keys == before.keys);
  });
}

TEST_CASE("columns of unequal length, and names and keys that are none, are refused and store nothing") {
  Columns events{memory_store()};
  const std::vector<float> three = {1, 2, 3};
  CHECK_THROWS_WITH_AS(events.append("k", {column("delay", three), column("distance", distances)}),
                       "cannot append rows to key 'k': the column 'delay' has 3 rows and the column 'distance' has 2",
                       InvalidArgumentError);
  CHECK_THROWS_AS(events.append("k", {}), InvalidArgumentError);
  CHECK_THROWS_AS(events.append("k", {column("", delays)}), InvalidArgumentError);
  CHECK_THROWS_AS(events.append("k", {column("a b", delays)}), InvalidArgumentError);
  CHECK_THROWS_AS(events.append("k", {column(std::string_view("a\0b", 3), delays)}), InvalidArgumentError);
  CHECK_THROWS_AS(events.append("k", {column("a", delays), column("a", delays)}), InvalidArgumentError);
  CHECK_THROWS_AS(events.append("k", {column("a", delays)}, {.expect_size = 0}), InvalidArgumentError);
  CHECK_THROWS_AS(events.append("", {column("a", delays)}), InvalidKeyError);
  CHECK_THROWS_AS(events.append(std::string(max_key_size, 'k'), {column("a", delays)}), InvalidKeyError);
  CHECK_THROWS_AS(events.append(std::string(max_key_size - 2, 'k'), {column("ab", delays)}), InvalidKeyError);
  CHECK_THROWS_AS(static_cast<void>(events.get<float>("k", "a b")), InvalidArgumentError);
  CHECK(events.store().stats().keys == 0);
}

TEST_CASE("numbers in part, and types that are none, are refused and store nothing") {
  Columns events{memory_store()};
  const Column odd{.name = "a", .type = NumberType::int16, .bytes = "123456789"};
  CHECK_THROWS_WITH_AS(events.append("k", {odd}),
                       "cannot append rows to key 'k': the column 'a' has 9 bytes, which are no whole numbers of type "
                       "int16",
                       InvalidArgumentError);
  CHECK_THROWS_AS(events.append("k", {column("b", std::array<std::int64_t, 4>{}), odd}), InvalidArgumentError);
  for (const int code : {0, 14, 32, 255}) {
    const Column untyped{.name = "a", .type = static_cast<NumberType>(code), .bytes = "12345678"};
    CHECK_THROWS_WITH_AS(
        events.append("k", {untyped}),
        ("cannot append rows to key 'k': the column 'a' has no type of numbers, but the type " + std::to_string(code))
            .c_str(),
        InvalidArgumentError);
    CHECK_THROWS_AS(events.append("k", {column("b", delays), untyped}), InvalidArgumentError);
    CHECK(name_of(untyped.type) == "unknown");
  }
  CHECK(events.store().stats().keys == 0);
}

TEST_CASE("64 columns are a table, and 65 or twins are refused by name") {
  Columns events{memory_store()};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < 65; ++i) names.push_back("column" + std::to_string(i));
  std::vector<Column> columns;
  for (const std::string& name : names) columns.push_back(column(name, delays));
  CHECK_THROWS_WITH_AS(events.append("k", columns),
                       "cannot append rows to key 'k': there are 65 columns, and at most 64 may be",
                       InvalidArgumentError);
  columns.back() = columns.front();
  columns.erase(columns.begin() + 1);
  CHECK_THROWS_WITH_AS(events.append("k", columns), "cannot append rows to key 'k': there are two columns 'column0'",
                       InvalidArgumentError);
  CHECK(events.store().stats().keys == 0);
  columns.pop_back();
  columns.push_back(column(names.back(), delays));
  events.append("k", columns);
  CHECK(events.columns("k").size() == 64);
  CHECK(events.get<float>("k", "column64") == delays);
}

TEST_CASE("no two columns share a key of the store") {
  Columns events{memory_store()};
  const std::string odd("a\0b", 3);
  const std::vector<float> one = {1};
  const std::vector<float> two = {2};
  events.append("a", {column("b", one)});
  events.append(odd, {column("b", two)});
  events.append(std::string("a\0", 2), {column("b", delays)});
  CHECK(events.get<float>("a", "b") == one);
  CHECK(events.get<float>(odd, "b") == two);
  CHECK(events.get<float>(std::string("a\0", 2), "b") == delays);
  CHECK(Columns::column_key("a", "b") == odd);
  CHECK(Numeric<float>{events.store()}.get(odd) == one);
}

TEST_CASE("an erased key takes other columns") {
  Columns events{memory_store()};
  for (int i = 0; i < 2; ++i) {
    events.append("k", {column("a", delays), column("b", delays)});
    events.append("k", {column("b", delays), column("a", delays)});
    CHECK(events.rows("k") == 4);
    events.erase("k");
  }
  events.append("k", {column("delay", delays)});
  events.append("kept", {column("delay", delays)});
  events.erase("k");
  events.erase("missing");
  CHECK(events.store().stats().keys == 2);
  CHECK_FALSE(events.rows("k"));
  events.append("k", {column("delay", distances)});
  CHECK(events.get<std::int32_t>("k", "delay") == distances);
}

TEST_CASE("a batch of rows with an id is applied once") {
  Columns events{memory_store()};
  const BatchId id{.writer = {}, .sequence = 1};
  events.append("k", {column("a", delays), column("b", distances)}, {.id = id});
  events.append("k", {column("a", delays), column("b", distances)}, {.id = id});
  CHECK(events.rows("k") == 2);
}

/// What the store has of it beside "kept".
std::size_t keys_left(const Store& store) { return store.list({.prefix = std::string_view("k\0", 2)}).size(); }

TEST_CASE("an erase of which a step fails is completed by the next, and nobody appends to what is left") {
  int steps = 0;
  for (bool is_done = false; !is_done; ++steps) {
    const std::unique_ptr<Store> memory = memory_store();
    HookedStore store(*memory);
    Columns events{store};
    const auto append = [&](Columns& to) {
      to.append("k", {column("a", delays), column("b", distances), column("c", delays)});
    };
    append(events);
    events.append("kept", {column("a", delays)});
    int changes = 0;
    store.before = [&](HookedStore::Call call, std::string_view) {
      const bool is_change = call == HookedStore::Call::append || call == HookedStore::Call::erase;
      if (is_change && changes++ == steps) throw IoError("fail at", "a step", EIO);
    };
    CAPTURE(steps);
    try {
      events.erase("k");
      is_done = true;
    } catch (const IoError&) {
      store.before = {};
      Columns others{store};
      if (steps == 0) {
        CHECK(others.rows("k") == 2);
      } else {
        for (Columns* columns : {&events, &others}) {
          CHECK_THROWS_WITH_AS(append(*columns),
                               "the erase of key 'k' with its columns was interrupted: erase it again", ErasedError);
          CHECK_THROWS_AS(static_cast<void>(columns->columns("k")), ErasedError);
          CHECK_THROWS_AS(static_cast<void>(columns->rows("k")), ErasedError);
        }
      }
      others.erase("k");
    }
    store.before = {};
    CHECK(keys_left(*memory) == 0);
    append(events);
    CHECK(events.get<float>("k", "a") == delays);
    CHECK(events.get<std::int32_t>("k", "b") == distances);
    CHECK(events.rows("kept") == 2);
  }
  CHECK(steps == 6);  // the mark, three columns, the header, and the one that fails nowhere
}

TEST_CASE("an append of rows of which a step fails stores no rows, and all when it comes again") {
  int n = 0;
  for (bool is_done = false; !is_done; ++n) {
    const std::unique_ptr<Store> memory = memory_store();
    HookedStore store(*memory);
    Columns events{store};
    int calls = 0;
    store.before = [&](HookedStore::Call, std::string_view) {
      if (calls++ == n) throw IoError("fail at", "a step", EIO);
    };
    const auto append = [&] {
      events.append("k", {column("a", delays), column("b", distances)}, {.id = BatchId{.writer = {}, .sequence = 1}});
    };
    CAPTURE(n);
    try {
      append();
      is_done = true;
    } catch (const IoError&) {
      store.before = {};
      CHECK(events.rows("k").value_or(0) == 0);
      append();
    }
    store.before = {};
    CHECK(events.get<float>("k", "a") == delays);
    CHECK(events.get<std::int32_t>("k", "b") == distances);
  }
  CHECK(n > 3);
}

TEST_CASE("a key whose names and types are damaged is erased with its columns") {
  const std::string place("k\0", 2);
  const std::unique_ptr<Store> store = memory_store();
  Columns events{*store};
  const auto append = [&] { events.append("k", {column("a", delays), column("b", distances)}); };
  append();
  const std::string header = store->get(place);
  const std::string nested("k\0b", 3);
  for (std::size_t i = 0; i <= header.size(); ++i) {
    events.append(nested, {column("b", delays)});
    std::string damaged = header.substr(0, i);
    if (i == header.size()) damaged[i / 2] = static_cast<char>(damaged[i / 2] ^ 1);
    store->erase(place);
    store->append(place, damaged);
    CAPTURE(i);
    CHECK_THROWS_AS(static_cast<void>(events.columns("k")), CorruptionError);
    events.erase("k");
    CHECK_FALSE(events.rows("k"));
    CHECK_FALSE(store->size(Columns::column_key("k", "a")));
    CHECK(events.rows(nested) == 2);
    append();
    CHECK(events.rows("k") == 2);
    events.erase(nested);
  }
}

TEST_CASE("rows that were appended already bring nothing into being when they come again") {
  const std::unique_ptr<Store> store = memory_store();
  Columns events{*store};
  const BatchId id{.writer = {}, .sequence = 1};
  const auto append = [&] { events.append("k", {column("a", delays)}, {.id = id}); };
  append();
  events.erase("k");
  append();
  CHECK(store->stats().keys == 0);
}

TEST_CASE("a key that is erased while rows are appended to it takes other columns") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  Columns events{store};
  bool is_erased = false;
  store.after = [&](HookedStore::Call call, std::string_view) {
    if (call == HookedStore::Call::append && !std::exchange(is_erased, true)) events.erase("k");
  };
  events.append("k", {column("a", delays)});
  store.after = {};
  memory->drop();
  Columns{*memory}.append("k", {column("a", distances)});
  CHECK_THROWS_AS(events.append("k", {column("a", delays)}), TypeMismatchError);
}

TEST_CASE("what is stored in the place of names and types is not taken for them") {
  const std::unique_ptr<Store> store = memory_store();
  Columns events{*store};
  const std::string place("k\0", 2);
  store->append(place, "");
  CHECK_THROWS_AS(events.append("k", {column("a", delays)}), CorruptionError);
  store->append(place, "text");
  CHECK_THROWS_AS(events.append("k", {column("a", delays)}), TypeMismatchError);
  store->erase(place);
  Numeric<float>{*store}.append(place, {});
  CHECK_THROWS_AS(events.append("k", {column("a", delays)}), CorruptionError);
  CHECK_THROWS_AS(static_cast<void>(events.columns("k")), CorruptionError);
  store->erase(place);
  store->append(place, "text");
  CHECK_THROWS_AS(events.erase("k"), TypeMismatchError);
  CHECK(store->get(place) == "text");
}

}  // namespace
}  // namespace accrete::test
