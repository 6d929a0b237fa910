// Every operation under every changing call of a buffer fails once, for good, and cut short; then the promises are
// checked.
#include <doctest/doctest.h>

#include "api/datasets.hpp"
#include "fault/sweep.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

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
    scenario.options.durability = durability;
    // What was synced may be there in whole though its sync has failed.
    if (durability == Durability::sync) scenario.may_apply = true;
    for (const std::optional<Codec>& codec : all_codecs()) {
      CAPTURE(static_cast<int>(durability));
      CAPTURE(codec.has_value());
      scenario.codec = codec;
      REQUIRE(sweep(scenario).completed > 0);
    }
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

/// False if there was no n-th operation.
bool append_after_removal(const std::optional<Codec>& codec, const Call& removal, const Fault& fault, std::uint64_t n) {
  const TemporaryDirectory directory{memory_directory()};
  const std::string path = directory / "dataset";
  FaultEnv env(posix_env(), FaultEnv::Syncs::counted, FaultEnv::small_file_size);
  create_dataset(env, path, {.codec = codec});
  bool fired = false;
  std::string value;
  {
    const auto store = open_buffered_dataset(env, path, {.buffer = BufferOptions{.limit_bytes = limit}});
    for (const Call& call : some_values()) call.call(*store);
    env.fail_at(n, fault);
    try {
      removal.call(*store);
    } catch (const Error&) {
    }
    fired = env.fired();
    env.heal();
    store->append("both", "after");
    value = store->get("both");
  }
  require(value == "after" || value == "oldnewafter", "an append after a removal that failed is kept");
  require(open_dataset(env, path, {})->get("both") == value, "it is kept for good");
  return fired;
}

TEST_CASE("what is appended after an erase or a drop that failed is kept") {
  for (const std::optional<Codec>& codec : all_codecs()) {
    for (const Call& removal : {erase_call("both"), drop_call()}) {
      for (const Fault& fault : all_faults()) {
        std::uint64_t n = 1;
        CAPTURE(describe(fault, n));
        while (append_after_removal(codec, removal, fault, n)) ++n;
        CHECK(n > 3);
      }
    }
  }
}

TEST_CASE("a flush or a sync that fails changes nothing") {
  require_sweep({.before = some_values(), .call = flush_call(), .may_apply = true, .is_repeatable = true});
  require_sweep({.before = some_values(), .call = sync_call(), .may_apply = true, .is_repeatable = true});
}

TEST_CASE("a replay of a buffer's journal that fails is completed by the next") {
  Scenario scenario{.before = some_values(),
                    .call = append_call(batch_of({{"below", "1"}, {"both", std::string(200, '2')}, {"new", "3"}},
                                                 {.id = BatchId{writer_id(2), 4}})),
                    .options = {.buffer = BufferOptions{.limit_bytes = limit}},
                    .is_buffered = true,
                    .may_apply = true,
                    .is_repeatable = true};
  for (const std::optional<Codec>& codec : all_codecs()) {
    CAPTURE(codec.has_value());
    scenario.codec = codec;
    const SweepCount count = sweep_recovery(scenario);
    REQUIRE(count.failed > 0);
    REQUIRE(count.completed > 0);
  }
}

}  // namespace
}  // namespace accrete::test
