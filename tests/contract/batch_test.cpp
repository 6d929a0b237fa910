// The contract of every Store: batches are whole, and AppendOptions do what they say.
#include "contract/places.hpp"
#include "support/model.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

using namespace std::string_literals;

/// Also when it is opened anew.
void check_holds(Place& place, const Model& model) {
  CHECK(difference(place.store(), model) == "");
  place.reopen();
  CHECK(difference(place.store(), model) == "");
  place.check_sound();
}

/// Random bytes that cost no more than a copy: where a sanitizer looks at each step, the generator takes longest.
std::string slice(Random& random, const std::string& pool, std::size_t size) {
  return pool.substr(random_below(random, pool.size() - size), size);
}

CONTRACT_CASE("a batch is appended in its order, to repeated keys too", batch_order) {
  const std::vector<Entry> entries = {{"x", "Hello "}, {"y", "123"}, {"x", ""},
                                      {"x", "world!"}, {"y", "456"}, {"z", ""}};
  place.store().append_batch(entries);
  CHECK(place.store().get("x") == "Hello world!");
  CHECK(place.store().get("y") == "123456");
  CHECK(place.store().size("z") == 0);
  CHECK(place.store().stats().keys == 3);
  CHECK(place.store().stats().bytes == 18);
  place.check_sound();
}

CONTRACT_CASE("a batch with one bad key changes nothing and keeps its id free", bad_key_in_batch) {
  const BatchId id{writer_id(1), 1};
  for (const std::string& bad : {""s, std::string(max_key_size + 1, 'k')}) {
    const std::vector<Entry> entries = {{"a", "1"}, {bad, "2"}, {"b", "3"}};
    CHECK_THROWS_AS(place.store().append_batch(entries, {.id = id}), InvalidKeyError);
    CHECK(place.store().list().empty());
    CHECK_FALSE(place.store().last_sequence(writer_id(1)).has_value());
  }
  const Entry good{"a", "1"};
  place.store().append_batch({&good, 1}, {.id = id});
  CHECK(place.store().get("a") == "1");
}

CONTRACT_CASE("10,000 entries over 3,000 keys are one batch, synced or not", large_batch) {
  Model model;
  Random random(7);
  for (const bool sync : {false, true, false}) {
    OwnedBatch batch;
    for (std::size_t i = 0; i < 10'000; ++i) {
      batch.entries.emplace_back("key-" + std::to_string(random_below(random, 3000)), random_bytes(random, i % 60));
    }
    place.store().append_batch(batch.view(), {.sync = sync});
    model.append_batch(batch.view());
  }
  check_holds(place, model);
}

CONTRACT_CASE("a batch of megabytes to many long keys is whole", wide_batch) {
  Model model;
  Random random(8);
  const std::string pool = random_bytes(random, 50'000);
  for (const bool sync : {false, true}) {
    OwnedBatch batch;
    for (int i = 0; i < 300; ++i) {
      batch.entries.emplace_back(std::string(1000, 'k') + std::to_string(i), slice(random, pool, 20'000));
    }
    place.store().append_batch(batch.view(), {.sync = sync});
    model.append_batch(batch.view());
  }
  check_holds(place, model);
}

CONTRACT_CASE("an empty batch does nothing, but its id counts", empty_batch) {
  place.store().append_batch({});
  place.store().append_batch({}, {.sync = true});
  CHECK(place.store().list().empty());
  place.store().append_batch({}, {.id = BatchId{writer_id(1), 5}});
  CHECK(place.store().last_sequence(writer_id(1)) == 5);
  place.reopen();
  CHECK(place.store().last_sequence(writer_id(1)) == 5);
  const Entry entry{"a", "1"};
  place.store().append_batch({&entry, 1}, {.id = BatchId{writer_id(1), 5}});
  CHECK(place.store().list().empty());
}

CONTRACT_CASE("expect_size lets an append pass only if the value has that size", expect_size) {
  Store& store = place.store();
  const auto append = [&](std::string_view key, std::string_view bytes, std::uint64_t size) {
    const Entry entry{key, bytes};
    store.append_batch({&entry, 1}, {.expect_size = size});
  };
  CHECK_THROWS_AS(append("a", "x", 1), SizeMismatchError);
  CHECK(store.list().empty());
  append("a", "xy", 0);
  CHECK_THROWS_AS(append("a", "z", 0), SizeMismatchError);
  CHECK_THROWS_AS(append("a", "z", 1), SizeMismatchError);
  CHECK_THROWS_AS(append("a", "z", 3), SizeMismatchError);
  CHECK_THROWS_AS(append("a", "z", ~std::uint64_t{0}), SizeMismatchError);
  append("a", "z", 2);
  CHECK(store.get("a") == "xyz");
  place.check_sound();
}

CONTRACT_CASE("expect_size 0 means a key never appended to, not an empty value", expect_new) {
  const Entry entry{"a", "x"};
  place.store().append("a", "");
  CHECK_THROWS_AS(place.store().append_batch({&entry, 1}, {.expect_size = 0}), SizeMismatchError);
  CHECK(place.store().size("a") == 0);
  place.store().erase("a");
  place.store().append_batch({&entry, 1}, {.sync = true, .expect_size = 0});
  CHECK(place.store().get("a") == "x");
}

CONTRACT_CASE("expect_size is refused for any batch but of one entry", expect_size_of_many) {
  const std::vector<Entry> two = {{"a", "1"}, {"a", "2"}};
  CHECK_THROWS_AS(place.store().append_batch(two, {.expect_size = 0}), InvalidArgumentError);
  CHECK_THROWS_AS(place.store().append_batch({}, {.expect_size = 0}), InvalidArgumentError);
  CHECK(place.store().list().empty());
}

CONTRACT_CASE("a batch whose sequence is not above its writer's last is not applied", ids) {
  Store& store = place.store();
  const auto append = [&](std::string_view bytes, std::uint64_t writer, std::uint64_t sequence) {
    const std::vector<Entry> entries = {{"a", bytes}, {"b", bytes}};
    place.store().append_batch(entries, {.id = BatchId{writer_id(writer), sequence}});
  };
  append("1", 1, 0);
  append("1", 1, 0);
  CHECK(store.get("a") == "1");
  append("2", 1, 7);
  append("x", 1, 7);
  append("x", 1, 6);
  append("x", 1, 0);
  append("3", 2, 1);
  append("x", 2, 1);
  append("4", 1, 8);
  append("5", 3, ~std::uint64_t{0});
  append("x", 3, ~std::uint64_t{0});
  append("x", 3, 1);
  CHECK(store.get("a") == "12345");
  CHECK(store.get("b") == "12345");
  CHECK(store.last_sequence(writer_id(1)) == 8);
  CHECK(store.last_sequence(writer_id(2)) == 1);
  CHECK(store.last_sequence(writer_id(3)) == ~std::uint64_t{0});
  CHECK_FALSE(store.last_sequence(writer_id(4)).has_value());
  place.check_sound();
}

CONTRACT_CASE("ids outlive erase, drop and reopening", ids_stay) {
  const Entry entry{"a", "x"};
  const auto append = [&](std::uint64_t sequence, bool sync) {
    place.store().append_batch({&entry, 1}, {.sync = sync, .id = BatchId{writer_id(1), sequence}});
  };
  append(1, false);
  place.store().erase("a");
  append(1, true);
  CHECK_FALSE(place.store().size("a").has_value());
  append(2, true);
  place.store().drop();
  append(2, false);
  CHECK_FALSE(place.store().size("a").has_value());
  place.reopen();
  append(2, false);
  CHECK_FALSE(place.store().size("a").has_value());
  CHECK(place.store().last_sequence(writer_id(1)) == 2);
  append(3, false);
  CHECK(place.store().get("a") == "x");
}

CONTRACT_CASE("an id is checked before expect_size, and a mismatch does not use it up", id_and_size) {
  const Entry entry{"a", "xy"};
  const AppendOptions first{.expect_size = 0, .id = BatchId{writer_id(1), 1}};
  place.store().append_batch({&entry, 1}, first);
  place.store().append_batch({&entry, 1}, first);
  CHECK(place.store().get("a") == "xy");
  const BatchId second{writer_id(1), 2};
  CHECK_THROWS_AS(place.store().append_batch({&entry, 1}, {.expect_size = 3, .id = second}), SizeMismatchError);
  CHECK(place.store().last_sequence(writer_id(1)) == 1);
  place.store().append_batch({&entry, 1}, {.expect_size = 2, .id = second});
  CHECK(place.store().get("a") == "xyxy");
}

CONTRACT_CASE("hundreds of writers each keep their sequence", many_writers) {
  constexpr std::uint64_t writers = 700;
  for (std::uint64_t round = 1; round <= 2; ++round) {
    for (std::uint64_t writer = 0; writer < writers; ++writer) {
      const Entry entry{"a", "x"};
      place.store().append_batch({&entry, 1}, {.id = BatchId{writer_id(writer), writer + round}});
    }
    place.reopen();
  }
  for (std::uint64_t writer = 0; writer < writers; ++writer) {
    REQUIRE(place.store().last_sequence(writer_id(writer)) == writer + 2);
  }
  CHECK(place.store().size("a") == 2 * writers);
  place.check_sound();
}

CONTRACT_CASE("synced and other batches mix in one order", mixed_sync) {
  std::string expected;
  for (int i = 0; i < 60; ++i) {
    const std::string piece = std::to_string(i) + ",";
    const std::string other = "b" + std::to_string(i % 5);
    const std::vector<Entry> entries = {{"a", piece}, {other, piece}, {"a", "."}};
    place.store().append_batch(entries, {.sync = i % 3 == 0});
    expected += piece + ".";
    if (i % 7 == 0) place.store().sync();
    if (i % 20 == 19) place.reopen();
    REQUIRE(place.store().get("a") == expected);
  }
  place.check_sound();
}

CONTRACT_CASE("synced batches of more bytes than any journal keeps are all there", many_synced) {
  Model model;
  Random random(9);
  const std::string pool = random_bytes(random, 2'000'000);
  for (int i = 0; i < 24; ++i) {
    OwnedBatch batch;
    for (int k = 0; k < 4; ++k) batch.entries.emplace_back("key" + std::to_string(k), slice(random, pool, 1'000'000));
    place.store().append_batch(batch.view(), {.sync = true});
    model.append_batch(batch.view());
    if (i == 12) place.reopen();
  }
  CHECK(difference(place.store(), model) == "");
  place.check_sound();
}

}  // namespace
}  // namespace accrete::test
