// Every operation under every changing call of a buffer fails once, for good, and cut short; then the promises are
// checked.
#include <doctest/doctest.h>

#include "fault/sweep.hpp"

namespace accrete::test {
namespace {

constexpr std::uint64_t limit = std::uint64_t{1} << 20;

OwnedBatch batch_of(std::vector<std::pair<std::string, std::string>> entries, const AppendOptions& options = {}) {
  return {.entries = std::move(entries), .options = options};
}

/// Keys below, in the buffer, and in both.
std::vector<Call> some_values() {
  return {append_call(batch_of({{"below", "old"}, {"both", "old"}}, {.id = BatchId{writer_id(1), 5}})), flush_call(),
          append_call(batch_of({{"both", "new"}, {"above", "new"}, {"empty", ""}}, {.id = BatchId{writer_id(2), 3}}))};
}

void require_sweep(Scenario scenario) {
  scenario.is_buffered = true;
  scenario.options.buffer = BufferOptions{.limit_bytes = limit};
  for (const Durability durability : {Durability::memory, Durability::os, Durability::sync}) {
    CAPTURE(static_cast<int>(durability));
    scenario.options.durability = durability;
    // What was synced may be there in whole though its sync has failed.
    if (durability == Durability::sync) scenario.may_apply = true;
    REQUIRE(sweep(scenario).completed > 0);
  }
}

TEST_CASE("a batch that a buffer fails to take is applied in whole or not at all, and with an id once") {
  SUBCASE("of keys below, above, in both and in neither") {
    require_sweep({.before = some_values(),
                   .call = append_call(batch_of({{"below", "1"}, {"above", "2"}, {"both", "3"}, {"new", "4"}},
                                                {.id = BatchId{writer_id(2), 4}})),
                   .is_repeatable = true});
  }
  SUBCASE("with an expected size") {
    require_sweep(
        {.before = some_values(),
         .call = append_call(batch_of({{"both", "more"}}, {.expect_size = 6, .id = BatchId{writer_id(3), 1}})),
         .is_repeatable = true});
  }
  SUBCASE("that is to be synced") {
    require_sweep({.before = some_values(),
                   .call = append_call(
                       batch_of({{"both", "more"}, {"new", "4"}}, {.sync = true, .id = BatchId{writer_id(3), 1}})),
                   .may_apply = true,
                   .is_repeatable = true});
  }
  SUBCASE("too large to be gathered") {
    require_sweep({.before = some_values(),
                   .call = append_call(batch_of({{"both", std::string(limit / 2, 'l')}, {"above", "2"}},
                                                {.id = BatchId{writer_id(2), 4}})),
                   .is_repeatable = true});
  }
  SUBCASE("for which the journal has no room left") {
    std::vector<Call> before = some_values();
    for (int i = 0; i < 5; ++i) {
      before.push_back(append_call(batch_of({{"big" + std::to_string(i), std::string(limit / 8, 'b')}})));
      before.push_back(flush_call());
    }
    require_sweep({.before = std::move(before),
                   .call = append_call(batch_of({{"big", std::string(limit / 5, 'b')}, {"both", "4"}},
                                                {.id = BatchId{writer_id(2), 4}})),
                   .is_repeatable = true});
  }
}

TEST_CASE("an erase that fails leaves a buffered key with its value, or without any") {
  for (const char* const key : {"below", "above", "both", "neither"}) {
    CAPTURE(key);
    require_sweep({.before = some_values(), .call = erase_call(key), .may_apply = true, .is_repeatable = true});
  }
}

TEST_CASE("a drop that fails leaves all keys of a buffer or none") {
  require_sweep({.before = some_values(), .call = drop_call(), .may_apply = true, .is_repeatable = true});
}

TEST_CASE("a flush or a sync that fails changes nothing") {
  require_sweep({.before = some_values(), .call = flush_call(), .may_apply = true, .is_repeatable = true});
  require_sweep({.before = some_values(), .call = sync_call(), .may_apply = true, .is_repeatable = true});
}

/// Handed down, erased, synced past the buffer, and gathered again: most that a journal can tell of a key.
std::vector<Call> some_history() {
  return {append_call(batch_of({{"a", "1"}, {"b", "1"}})),
          flush_call(),
          append_call(batch_of({{"a", "2"}, {"gone", "2"}}, {.id = BatchId{writer_id(1), 5}})),
          erase_call("gone"),
          append_call(batch_of({{"a", "3"}, {"b", "3"}}, {.sync = true, .id = BatchId{writer_id(1), 6}})),
          append_call(batch_of({{"a", "4"}, {"gone", "4"}, {"c", "4"}}, {.id = BatchId{writer_id(2), 3}}))};
}

TEST_CASE("a replay that is cut off is completed by the next, wherever the buffer had been killed") {
  const auto require_recovery = [](const Call& call) {
    for (const Durability durability : {Durability::os, Durability::sync}) {
      CAPTURE(static_cast<int>(durability));
      const SweepCount count =
          sweep_recovery({.before = some_history(),
                          .call = call,
                          .options = {.buffer = BufferOptions{.limit_bytes = limit}, .durability = durability},
                          .is_buffered = true,
                          .may_apply = true,
                          .is_repeatable = true});
      REQUIRE(count.completed > 0);
      REQUIRE(count.failed > 0);
    }
  };
  SUBCASE("in a batch") {
    require_recovery(append_call(batch_of({{"a", "5"}, {"new", "5"}}, {.id = BatchId{writer_id(2), 4}})));
  }
  SUBCASE("in a synced batch") {
    require_recovery(append_call(batch_of({{"a", "5"}, {"new", "5"}}, {.sync = true, .id = BatchId{writer_id(2), 4}})));
  }
  SUBCASE("in an erase") { require_recovery(erase_call("gone")); }
  SUBCASE("in a drop") { require_recovery(drop_call()); }
  SUBCASE("in a flush") { require_recovery(flush_call()); }
}

}  // namespace
}  // namespace accrete::test
