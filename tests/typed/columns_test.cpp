#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <array>
#include <doctest/doctest.h>

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
  CHECK(events.get<float>("k", "other").empty());
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
}

}  // namespace
}  // namespace accrete::test
