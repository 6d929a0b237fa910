// Power is lost, or the process killed, after and in the middle of everything that changes a dataset.
#include <doctest/doctest.h>
#include <filesystem>
#include <optional>

#include "api/datasets.hpp"
#include "codec/frame.hpp"
#include "crash/computer.hpp"
#include "crash/each_failure.hpp"
#include "layout/files/journal.hpp"
#include "support/campaign.hpp"

namespace accrete::test {
namespace {

void live_through_ends(int lives, const Setup& setup) {
  const auto last_seed = static_cast<std::uint64_t>(campaign_steps(lives));
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    CAPTURE(seed);
    Computer computer(seed, setup);
    computer.create();
    computer.open();
    Life life(computer);
    for (int ends = 0; ends < 8; ++ends) {
      CAPTURE(ends);
      for (std::size_t left = random_below(computer.random(), 14); left > 0; --left) life.act();
      if (one_in(computer.random(), 2)) {
        life.act_and_end();
      } else {
        computer.end_process();
      }
      life.recover();
    }
  }
}

TEST_CASE("what was synced survives power losses after random work, in the middle of it and of recovery") {
  live_through_ends(150, {});
}

TEST_CASE("it does so under a buffer") {
  SUBCASE("without a journal") { live_through_ends(50, {.buffer = Durability::memory}); }
  SUBCASE("with a journal") { live_through_ends(50, {.buffer = Durability::os}); }
}

TEST_CASE("all that a buffer with a synced journal has taken survives power losses") {
  live_through_ends(50, {.buffer = Durability::sync});
}

TEST_CASE("it does so where values are compressed, and no torn frame is left") {
  SUBCASE("of a dataset") { live_through_ends(100, {.codec = parse_codec(codec_names().back())}); }
  SUBCASE("under a buffer with a synced journal") {
    live_through_ends(30, {.buffer = Durability::sync, .codec = parse_codec(codec_names().back())});
  }
}

TEST_CASE("a repair that power fails in leaves a compressed value damaged as it was, or mended") {
  const std::string piece = "a piece, and another piece, and yet another piece";
  int mended = 0;
  int damaged = 0;
  bool cut = true;
  for (std::uint64_t n = 1; cut; ++n) {
    CAPTURE(n);
    Computer computer(n, {.codec = parse_codec(codec_names().back())});
    computer.create();
    computer.open();
    for (int i = 0; i < 3; ++i) computer.store().append("key", piece);
    computer.store().sync();
    const Entry synced{"key", "synced"};
    computer.store().append_batch({&synced, 1}, {.sync = true});  // in the journal, too
    {
      const auto directory = computer.env().try_open_directory(computer.path());
      const auto file = directory->open("key", OpenMode::write);
      file->write_at(frame_header_size + 1, "damage");
      file->sync();
    }
    cut = computer.cut_off(n, [&] { static_cast<void>(computer.repair()); });
    computer.end_process();
    computer.open();
    try {
      const std::string value = computer.store().get("key");
      REQUIRE(value == piece + piece + "synced");
      ++mended;
    } catch (const CorruptionError&) {
      ++damaged;
    }
    computer.end_process();
    CHECK(computer.repair().problems.empty());
    computer.open();
    REQUIRE(computer.store().get("key") == piece + piece + "synced");
    computer.check_sound();
  }
  REQUIRE(mended > 0);
  REQUIRE(damaged > 0);
}

TEST_CASE("all that was done survives kills after random work, in the middle of it and of recovery") {
  SUBCASE("of a dataset") { live_through_ends(150, {.end = End::kill}); }
  SUBCASE("of a buffer with a journal") { live_through_ends(300, {.buffer = Durability::os, .end = End::kill}); }
  SUBCASE("of a buffer over compressed values") {
    live_through_ends(100, {.buffer = Durability::os, .end = End::kill, .codec = parse_codec(codec_names().back())});
  }
  SUBCASE("of a buffer with a synced journal") {
    live_through_ends(150, {.buffer = Durability::sync, .end = End::kill});
  }
}

TEST_CASE("a synced batch is there in whole or not at all when power fails in the middle of it") {
  const std::vector<Entry> first = {{"a", "old"}, {"b", "old"}};
  const std::vector<Entry> entries = {{"a", "1"}, {"new", "2"}, {std::string_view("b"), "3"}};
  const std::vector<std::string_view> keys = {"a", "new", "b"};
  const std::vector<std::string> before = {"old", "", "old"};
  const std::vector<std::string> after = {"old1", "2", "old3"};
  int applied = 0;
  int lost = 0;
  for_each_failure(20, [&](Computer& computer, std::uint64_t n) {
    computer.store().append_batch(first, {.sync = true});
    const BatchId id{writer_id(1), 1};
    const bool cut = computer.cut_off(n, [&] { computer.store().append_batch(entries, {.sync = true, .id = id}); });
    computer.end_process();
    computer.open();
    const std::vector<std::string> values = computer.store().get_batch(keys);
    const bool is_applied = values == after;
    REQUIRE((is_applied || (cut && values == before)));
    REQUIRE(computer.store().last_sequence(writer_id(1)).has_value() == is_applied);
    (is_applied ? applied : lost) += 1;
    computer.store().append_batch(entries, {.sync = true, .id = id});
    REQUIRE(computer.store().get_batch(keys) == after);
    computer.check_sound();
    return cut;
  });
  REQUIRE(applied > 0);
  REQUIRE(lost > 0);
}

TEST_CASE("a synced batch that failed and was sent again survives, whichever operation had failed") {
  const std::vector<Entry> entries = {{"a", "1"}, {std::string_view("b"), "2"}};
  const std::vector<std::string_view> keys = {"a", "b"};
  for_each_failure(20, [&](Computer& computer, std::uint64_t n) {
    const AppendOptions options{.sync = true, .id = BatchId{writer_id(1), 1}};
    computer.env().fail_at(n, {.how = Fault::How::lost_sync});
    try {
      computer.store().append_batch(entries, options);
    } catch (const Error&) {
      computer.env().heal();
      static_cast<void>(computer.repair());  // after a sync that failed, none counts before
      computer.store().append_batch(entries, options);
    }
    const bool fired = computer.env().fired();
    computer.end_process();
    computer.open();
    REQUIRE(computer.store().get_batch(keys) == std::vector<std::string>{"1", "2"});
    REQUIRE(computer.store().last_sequence(writer_id(1)) == 1);
    computer.check_sound();
    return fired;
  });
}

TEST_CASE("a synced batch that failed leaves the journal of those before it whole, whichever operation had failed") {
  const Entry first{"a", "1"};
  const Entry second{"a", "2"};
  for_each_failure(10, [&](Computer& computer, std::uint64_t n) {
    computer.store().append_batch({&first, 1}, {.sync = true});
    computer.store().append("b", "not synced");  // so that the next one begins the journal anew
    computer.env().fail_at(n, {});
    bool returned = true;
    try {
      computer.store().append_batch({&second, 1}, {.sync = true});
    } catch (const Error&) {
      returned = false;
    }
    const bool fired = computer.env().fired();
    const bool sync_failed = computer.env().sync_failed();
    computer.env().heal();
    computer.end_process();
    computer.open();
    REQUIRE(computer.store().get("a") == (returned ? "12" : "1"));
    if (sync_failed) static_cast<void>(computer.repair());
    computer.check_sound();
    return fired;
  });
}

TEST_CASE("power that fails while the journal is begun anew leaves no journal that seems damaged") {
  const std::string piece(3000, 'p');
  const std::string other(3000, 'o');
  const Entry first{"a", piece};
  const Entry second{"a", other};
  for_each_failure(20, [&](Computer& computer, std::uint64_t n) {
    computer.store().append_batch({&first, 1}, {.sync = true});
    computer.store().append("b", "not synced");
    const bool cut = computer.cut_off(n, [&] { computer.store().append_batch({&second, 1}, {.sync = true}); });
    computer.end_process();
    computer.open();
    const std::string value = computer.store().get("a");
    REQUIRE((value == piece + other || (cut && value == piece)));
    computer.check_sound();
    return cut;
  });
}

TEST_CASE("power that fails while a buffer is opened keeps no later one out") {
  for (const Durability durability : {Durability::os, Durability::sync}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      bool cut = true;
      for (std::uint64_t n = 1; cut; ++n) {
        CAPTURE(static_cast<int>(durability));
        CAPTURE(seed);
        CAPTURE(n);
        Computer computer(seed * 1000 + n, {.buffer = durability});
        computer.create();
        cut = computer.cut_off(n, [&] { computer.open(); });
        computer.end_process();
        computer.open();
        REQUIRE_FALSE(computer.take_was_repaired());
        computer.check_sound();
      }
    }
  }
}

TEST_CASE("on a full disk, a key can be erased though a killed buffer has left a journal, and power fail amid it") {
  int erased = 0;
  for (std::uint64_t last_operation = 1; last_operation <= 4; ++last_operation) {
    bool cut = true;
    for (std::uint64_t n = 1; cut; ++n) {
      CAPTURE(last_operation);
      CAPTURE(n);
      Computer computer(n * 10 + last_operation, {.buffer = Durability::sync});
      computer.create();
      computer.open();
      for (const char* const key : {"a", "b", "below"}) computer.store().append(key, "1;");
      computer.store().sync();
      for (const char* const key : {"a", "b"}) computer.store().append(key, "2;");
      const bool is_removal = n % 2 == 0;
      computer.cut_off(last_operation,
                       [&] { is_removal ? computer.store().erase("below") : computer.store().append("b", "3;"); });
      computer.kill_process();
      computer.env().fill_disk();
      const auto killed = open_dataset(computer.env(), computer.path(), {});
      bool returned = false;
      cut = computer.cut_off(n, [&] {
        killed->erase("a");
        returned = true;
      });
      computer.end_process();
      computer.env().empty_disk();
      computer.open();
      const std::string a = computer.store().get("a");
      REQUIRE((a.empty() || (a == "1;2;" && !returned)));
      const std::string b = computer.store().get("b");
      REQUIRE((b == "1;2;" || (b == "1;2;3;" && !is_removal)));
      const std::string below = computer.store().get("below");
      REQUIRE((below == "1;" || (below.empty() && is_removal)));
      erased += a.empty() ? 1 : 0;
      computer.check_sound();
    }
  }
  REQUIRE(erased > 0);
}

TEST_CASE("a batch that was applied without sync survives power loss once it is sent again with it") {
  const Entry entry{"a", "1"};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Computer computer(seed);
    computer.create();
    computer.open();
    computer.store().append_batch({&entry, 1}, {.id = BatchId{writer_id(1), 1}});
    computer.store().append_batch({&entry, 1}, {.sync = true, .id = BatchId{writer_id(1), 1}});
    computer.end_process();
    computer.open();
    REQUIRE(computer.store().get("a") == "1");
    REQUIRE(computer.store().last_sequence(writer_id(1)) == 1);
    computer.check_sound();
  }
}

/// Power fails at each operation of the last of these synced batches.
void require_survival(const std::vector<OwnedBatch>& before, const OwnedBatch& last) {
  bool cut = true;
  for (std::uint64_t n = 1; cut; ++n) {
    CAPTURE(n);
    Computer computer(n);
    computer.create();
    computer.open();
    Survival survival;
    for (const OwnedBatch& batch : before) {
      computer.store().append_batch(batch.view(), batch.options);
      survival.append_batch(batch);
    }
    cut = computer.cut_off(n, [&] { computer.store().append_batch(last.view(), last.options); });
    survival.append_batch({.entries = last.entries, .options = {.sync = !cut}});
    computer.end_process();
    computer.open();
    survival.found(computer.store());
    computer.check_sound();
  }
}

TEST_CASE("synced batches survive a checkpoint that power failed in") {
  const OwnedBatch big{.entries = {{"big", std::string(FaultEnv::small_file_size / 8 - 1024, 'b')}},
                       .options = {.sync = true}};
  std::vector<OwnedBatch> before(9, big);
  before.front() = {.entries = {{"a", "1"}, {"b", "2"}}, .options = {.sync = true}};
  require_survival(before, {.entries = {{"a", std::string(8192, 'x')}, {"c", "3"}}, .options = {.sync = true}});
}

TEST_CASE("a synced batch too large for the journal survives") {
  const std::string large(FaultEnv::small_file_size / 8, 'x');
  require_survival({{.entries = {{"a", "1"}, {"b", "2"}}, .options = {.sync = true}}},
                   {.entries = {{"a", large}, {"c", "3"}}, .options = {.sync = true}});
}

void require_survival_of_attributes(const Setup& setup) {
  int set = 0;
  int lost = 0;
  for_each_failure(
      20,
      [&](Computer& computer, std::uint64_t n) {
        computer.store().set_attribute("a", "old");
        computer.store().set_attribute("b", std::string(5000, 'b'));
        const bool cut = computer.cut_off(n, [&] { computer.store().set_attribute("a", "new"); });
        computer.end_process();
        computer.open();
        const std::optional<std::string> found = computer.store().attribute("a");
        REQUIRE((found == "new" || (cut && found == "old")));
        (found == "new" ? set : lost) += 1;
        REQUIRE(computer.store().attribute("b") == std::string(5000, 'b'));
        // Who finds it so may have found what was not synced.
        REQUIRE(computer.store().set_attribute("a", "new"));
        computer.end_process();
        computer.open();
        REQUIRE(computer.store().attribute("a") == "new");
        computer.check_sound();
        return cut;
      },
      setup);
  REQUIRE(set > 0);
  REQUIRE(lost > 0);
}

TEST_CASE("an attribute that was set survives power loss and kills; amid them it is the old one or the new one") {
  SUBCASE("power loss") { require_survival_of_attributes({}); }
  SUBCASE("power loss under a buffer") { require_survival_of_attributes({.buffer = Durability::os}); }
  SUBCASE("a kill") { require_survival_of_attributes({.end = End::kill}); }
}

TEST_CASE("an attribute that is set again to what was not synced survives power loss") {
  for_each_failure(20, [&](Computer& computer, std::uint64_t n) {
    const bool cut = computer.cut_off(n, [&] { computer.store().set_attribute("a", "new"); });
    computer.kill_process();
    computer.open();
    computer.store().set_attribute("a", "new");
    computer.end_process();
    computer.open();
    REQUIRE(computer.store().attribute("a") == "new");
    return cut;
  });
}

TEST_CASE("a created dataset survives power loss") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Computer computer(seed);
    computer.create();
    computer.end_process();
    computer.open();
    REQUIRE(computer.store().list().empty());
    computer.check_sound();
  }
}

TEST_CASE("a create that power failed in leaves nothing at the path, or a whole dataset") {
  bool cut = true;
  for (std::uint64_t n = 1; cut; ++n) {
    CAPTURE(n);
    Computer computer(n);
    cut = computer.cut_off(n, [&] { computer.create(); });
    computer.end_process();
    if (!std::filesystem::exists(computer.path())) {
      REQUIRE(cut);
      computer.create();
    }
    computer.open();
    computer.store().append("a", "1");
    computer.check_sound();
  }
}

TEST_CASE("a destroy that power failed in can be called again") {
  bool cut = true;
  for (std::uint64_t n = 1; cut; ++n) {
    CAPTURE(n);
    Computer computer(n);
    computer.create();
    computer.open();
    const OwnedBatch batch{.entries = {{"a", "1"}, {std::string(700, 'k'), "2"}}, .options = {.sync = true}};
    computer.store().append_batch(batch.view(), batch.options);
    cut = computer.cut_off(n, [&] { destroy_dataset(computer.env(), computer.path()); });
    computer.end_process();
    if (std::filesystem::exists(computer.path())) destroy_dataset(computer.env(), computer.path());
    REQUIRE_FALSE(std::filesystem::exists(computer.path()));
  }
}

}  // namespace
}  // namespace accrete::test
