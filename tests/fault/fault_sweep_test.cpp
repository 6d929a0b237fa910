// Every operation under every changing call fails once, for good, and cut short; then the promises are checked.
#include <doctest/doctest.h>

#include "fault/sweep.hpp"
#include "layout/files/journal.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

OwnedBatch batch_of(std::vector<std::pair<std::string, std::string>> entries, const AppendOptions& options = {}) {
  return {.entries = std::move(entries), .options = options};
}

std::string long_key(char last) { return std::string(700, 'k') + last; }

/// A few keys, and a writer that is known.
std::vector<Call> some_values() {
  return {append_call(batch_of({{"a", "old a"}, {"b", "old b"}, {long_key('x'), "old x"}, {".", ""}})),
          append_call(batch_of({{"a", "more"}}, {.id = BatchId{writer_id(1), 5}}))};
}

/// As above, with a batch in the journal.
std::vector<Call> synced_values() {
  std::vector<Call> calls = some_values();
  calls.push_back(append_call(batch_of({{"a", "synced"}, {"s", "synced"}}, {.sync = true})));
  return calls;
}

OwnedBatch wide_batch(const AppendOptions& options = {}) {
  OwnedBatch batch{.entries = {}, .options = options};
  for (int i = 0; i < 24; ++i) {
    batch.entries.emplace_back("wide" + std::to_string(i % 12), std::to_string(i) + std::string(100, 'w'));
  }
  batch.entries.emplace_back("a", "wide");
  return batch;
}

void require_meaning(const SweepCount& count) {
  REQUIRE(count.failed > 0);
  REQUIRE(count.completed > 0);
}

void require_sweep(Scenario scenario) {
  for (const std::optional<Codec>& codec : all_codecs()) {
    CAPTURE(codec.has_value());
    scenario.codec = codec;
    require_meaning(sweep(scenario));
  }
}

/// What no codec makes smaller.
std::string large_bytes(std::size_t size) {
  Random random(1);
  return random_bytes(random, size);
}

TEST_CASE("an append that fails leaves the value as it was") {
  SUBCASE("to a new key") { require_sweep({.call = append_call(batch_of({{"a", "bytes"}}))}); }
  SUBCASE("to a key that exists") {
    require_sweep({.before = some_values(), .call = append_call(batch_of({{"a", "bytes"}}))});
  }
  SUBCASE("of nothing to a new key") { require_sweep({.call = append_call(batch_of({{"a", ""}}))}); }
  SUBCASE("to a new long key, whose directories are new") {
    require_sweep({.call = append_call(batch_of({{long_key('n'), "bytes"}}))});
  }
  SUBCASE("to a new long key beside another") {
    require_sweep({.before = some_values(), .call = append_call(batch_of({{long_key('n'), "bytes"}}))});
  }
}

TEST_CASE("a batch that fails changes none of its keys") {
  SUBCASE("with repeated, old and new keys") {
    require_sweep(
        {.before = some_values(),
         .call = append_call(batch_of(
             {{"a", "1"}, {"new", "2"}, {"a", "3"}, {long_key('x'), "4"}, {"new", ""}, {long_key('n'), "5"}}))});
  }
  SUBCASE("with more keys than descriptors are kept") {
    require_sweep({.before = some_values(), .call = append_call(wide_batch()), .options = {.max_open_files = 4}});
  }
  SUBCASE("with an expected size") {
    require_sweep({.before = some_values(), .call = append_call(batch_of({{"b", "more"}}, {.expect_size = 5}))});
  }
  SUBCASE("too large for the control file") {
    OwnedBatch batch;
    for (int i = 0; i < 70; ++i) batch.entries.emplace_back(std::string(1000, 'k') + std::to_string(i), "bytes");
    require_sweep({.before = some_values(), .call = append_call(batch), .stride = 11});
  }
}

TEST_CASE("a batch with an id that fails can be sent again and is applied once") {
  SUBCASE("of a new writer, the first of all") {
    require_sweep({.call = append_call(batch_of({{"a", "1"}, {"b", "2"}}, {.id = BatchId{writer_id(1), 1}})),
                   .is_repeatable = true});
  }
  SUBCASE("of a new writer beside another") {
    require_sweep({.before = some_values(),
                   .call = append_call(batch_of({{"a", "1"}, {"b", "2"}}, {.id = BatchId{writer_id(2), 1}})),
                   .is_repeatable = true});
  }
  SUBCASE("of a known writer") {
    require_sweep({.before = some_values(),
                   .call = append_call(batch_of({{"a", "1"}, {"new", "2"}}, {.id = BatchId{writer_id(1), 6}})),
                   .is_repeatable = true});
  }
  SUBCASE("of nothing") {
    require_sweep({.before = some_values(),
                   .call = append_call(batch_of({}, {.id = BatchId{writer_id(1), 6}})),
                   .is_repeatable = true});
  }
}

// Where the journal has taken the batch and could not take it back, it is applied though the call failed.
TEST_CASE("a synced batch that fails is applied in whole or not at all, and with an id once") {
  const AppendOptions sync{.sync = true};
  const AppendOptions sync_with_id{.sync = true, .id = BatchId{writer_id(1), 6}};
  SUBCASE("the first of a dataset") {
    require_sweep({.call = append_call(batch_of({{"a", "1"}, {"b", "2"}}, sync)), .may_apply = true});
  }
  SUBCASE("after unsynced ones") {
    require_sweep({.before = some_values(),
                   .call = append_call(batch_of({{"a", "1"}, {long_key('n'), "2"}}, sync)),
                   .may_apply = true});
  }
  SUBCASE("after synced ones") {
    require_sweep({.before = synced_values(),
                   .call = append_call(batch_of({{"a", "1"}, {"new", "2"}, {"a", "3"}}, sync)),
                   .may_apply = true});
  }
  SUBCASE("with an id") {
    require_sweep({.before = synced_values(),
                   .call = append_call(batch_of({{"a", "1"}, {"new", "2"}}, sync_with_id)),
                   .may_apply = true,
                   .is_repeatable = true});
  }
  SUBCASE("with more keys than descriptors are kept") {
    require_sweep({.before = synced_values(),
                   .call = append_call(wide_batch(sync)),
                   .options = {.max_open_files = 4},
                   .may_apply = true});
  }
  SUBCASE("too large for the journal") {
    const std::string large = large_bytes(FaultEnv::small_file_size / 8);
    require_sweep({.before = synced_values(),
                   .call = append_call(batch_of({{"a", large}, {"new", "2"}}, sync_with_id)),
                   .may_apply = true,
                   .is_repeatable = true});
  }
  SUBCASE("for which the journal has no room left") {
    std::vector<Call> before = synced_values();
    for (int i = 0; i < 8; ++i) {
      before.push_back(append_call(batch_of({{"big", large_bytes(FaultEnv::small_file_size / 8 - 1024)}}, sync)));
    }
    require_sweep({.before = std::move(before),
                   .call = append_call(batch_of({{"a", large_bytes(8192)}, {"new", "2"}}, sync_with_id)),
                   .may_apply = true,
                   .stride = 5,
                   .is_repeatable = true});
  }
}

TEST_CASE("an erase that fails leaves the key with its value, or without any") {
  SUBCASE("of a short key") {
    require_sweep({.before = some_values(), .call = erase_call("a"), .may_apply = true, .is_repeatable = true});
  }
  SUBCASE("of a long key, the last in its directories") {
    require_sweep(
        {.before = some_values(), .call = erase_call(long_key('x')), .may_apply = true, .is_repeatable = true});
  }
  SUBCASE("of a key in the journal") {
    require_sweep({.before = synced_values(), .call = erase_call("s"), .may_apply = true, .is_repeatable = true});
  }
}

TEST_CASE("a drop that fails leaves all keys or none") {
  SUBCASE("of unsynced values") {
    require_sweep({.before = some_values(), .call = drop_call(), .may_apply = true, .is_repeatable = true});
  }
  SUBCASE("of synced values") {
    require_sweep({.before = synced_values(), .call = drop_call(), .may_apply = true, .is_repeatable = true});
  }
}

TEST_CASE("a sync that fails changes nothing") {
  SUBCASE("of unsynced values") {
    require_sweep({.before = some_values(), .call = sync_call(), .may_apply = true, .is_repeatable = true});
  }
  SUBCASE("of synced values") {
    require_sweep({.before = synced_values(), .call = sync_call(), .may_apply = true, .is_repeatable = true});
  }
}

TEST_CASE("a recovery that fails is completed by the next") {
  const auto require_recovery = [](const Scenario& scenario) { require_meaning(sweep_recovery(scenario)); };
  // Frames make a difference to what stands in values, not to their removal.
  const auto require_recovery_of_values = [&](Scenario scenario) {
    require_recovery(scenario);
    scenario.codec = all_codecs().back();
    scenario.stride = 3;
    require_recovery(scenario);
  };
  const OwnedBatch batch = batch_of({{"a", "1"}, {"new", "2"}, {long_key('n'), "3"}}, {.id = BatchId{writer_id(2), 1}});
  SUBCASE("from an append") {
    require_recovery_of_values(
        {.before = some_values(), .call = append_call(batch), .may_apply = true, .is_repeatable = true});
  }
  SUBCASE("from an erase") {
    require_recovery(
        {.before = some_values(), .call = erase_call(long_key('x')), .may_apply = true, .is_repeatable = true});
  }
  SUBCASE("from a drop") {
    require_recovery({.before = some_values(), .call = drop_call(), .may_apply = true, .is_repeatable = true});
  }
  SUBCASE("from a synced batch") {
    OwnedBatch synced = batch;
    synced.options.sync = true;
    require_recovery_of_values(
        {.before = synced_values(), .call = append_call(synced), .may_apply = true, .is_repeatable = true});
  }
}

}  // namespace
}  // namespace accrete::test
