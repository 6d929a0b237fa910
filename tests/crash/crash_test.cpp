// Power is lost after, and in the middle of, everything that changes a dataset.
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>

#include "crash/survival.hpp"
#include "store/files_dataset.hpp"
#include "store/journal.hpp"
#include "support/crash_env.hpp"
#include "support/fault_env.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

/// A dataset on a disk that can lose power, used by one process at a time.
class Computer {
 public:
  explicit Computer(std::uint64_t seed) : random_(seed) {}

  void create() { create_files(env_, path(), {}); }
  void open() { store_ = open_files(env_, path(), {.max_open_files = 4}); }
  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] FaultEnv& env() { return env_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }
  [[nodiscard]] const std::string& parent() const { return directory_.path(); }

  void lose_power() {
    store_.reset();
    env_.heal();
    disk_.lose_power(random_);
  }

  /// All operations from the n-th on fail until power is lost. False if the call was through before.
  bool cut_off(std::uint64_t n, const std::function<void()>& call) {
    env_.fail_at(n, {.how = Fault::How::for_good});
    try {
      call();
    } catch (const Error&) {
      require(env_.fired(), "only a fault makes a call fail");
    }
    return env_.fired();
  }

  void check_sound() {
    const VerifyReport report = verify_files(env_, path(), {});
    require(report.problems.empty(),
            "verify finds no problem, but: " + (report.problems.empty() ? "" : report.problems.front()));
    const Stats stats = store_->stats();
    require(stats.keys == report.counted.keys && stats.bytes == report.counted.bytes,
            "the totals are what a count finds");
  }

 private:
  TemporaryDirectory directory_{memory_directory()};
  Random random_;
  CrashEnv disk_{posix_env(), directory_.path()};
  FaultEnv env_{disk_};
  std::unique_ptr<Store> store_;
};

std::string random_key(Random& random) {
  std::string key = "key" + std::to_string(random_below(random, 8));
  if (one_in(random, 4)) key.append(300, '.');
  return key;
}

OwnedBatch random_batch(Random& random, std::uint64_t sequence) {
  OwnedBatch batch;
  const std::size_t count = 1 + random_below(random, 8);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = one_in(random, 8) ? random_below(random, 3000) : random_below(random, 40);
    batch.entries.emplace_back(random_key(random), random_bytes(random, size));
  }
  batch.options.sync = one_in(random, 3);
  if (one_in(random, 2)) batch.options.id = BatchId{writer_id(random_below(random, 3)), sequence};
  return batch;
}

/// A random user of a computer, and what may be left when its power fails.
class Life {
 public:
  explicit Life(Computer& computer) : computer_(computer) {}

  void act() {
    Random& random = computer_.random();
    switch (random_below(random, 12)) {
      case 0: {
        const std::string key = random_key(random);
        survival_.erase(key);
        return computer_.store().erase(key);
      }
      case 1:
        if (!one_in(random, 4)) return;
        survival_.drop();
        return computer_.store().drop();
      case 2:
        computer_.store().sync();
        return survival_.synced();
      default: {
        const OwnedBatch batch = random_batch(random, ++sequence_);
        computer_.store().append_batch(batch.view(), batch.options);
        return survival_.append_batch(batch);
      }
    }
  }

  /// Acts once more, and power fails before it is through. What was begun may be there, but need not.
  void act_and_fail() {
    Random& random = computer_.random();
    OwnedBatch batch = random_batch(random, ++sequence_);
    const bool sync = batch.options.sync;
    const bool cut = computer_.cut_off(1 + random_below(random, 30),
                                       [&] { computer_.store().append_batch(batch.view(), batch.options); });
    batch.options.sync = sync && !cut;
    survival_.append_batch(batch);
    computer_.lose_power();
  }

  void recover() {
    Random& random = computer_.random();
    while (one_in(random, 3)) {
      static_cast<void>(computer_.cut_off(1 + random_below(random, 25), [&] {
        computer_.open();
        static_cast<void>(computer_.store().list());
      }));
      computer_.lose_power();
    }
    computer_.open();
    survival_.found(computer_.store());
    computer_.check_sound();
  }

 private:
  Computer& computer_;
  Survival survival_;
  std::uint64_t sequence_ = 0;
};

TEST_CASE("what was synced survives power losses after random work, in the middle of it and of recovery") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Computer computer(seed);
    computer.create();
    computer.open();
    Life life(computer);
    for (int loss = 0; loss < 8; ++loss) {
      CAPTURE(loss);
      for (std::size_t left = random_below(computer.random(), 14); left > 0; --left) life.act();
      if (one_in(computer.random(), 2)) {
        life.act_and_fail();
      } else {
        computer.lose_power();
      }
      life.recover();
    }
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
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    bool cut = true;
    for (std::uint64_t n = 1; cut; ++n) {
      CAPTURE(seed);
      CAPTURE(n);
      Computer computer(seed * 1000 + n);
      computer.create();
      computer.open();
      computer.store().append_batch(first, {.sync = true});
      const BatchId id{writer_id(1), 1};
      cut = computer.cut_off(n, [&] { computer.store().append_batch(entries, {.sync = true, .id = id}); });
      computer.lose_power();
      computer.open();
      const std::vector<std::string> values = computer.store().get_batch(keys);
      const bool is_applied = values == after;
      REQUIRE((is_applied || (cut && values == before)));
      REQUIRE(computer.store().last_sequence(writer_id(1)).has_value() == is_applied);
      (is_applied ? applied : lost) += 1;
      computer.store().append_batch(entries, {.sync = true, .id = id});
      REQUIRE(computer.store().get_batch(keys) == after);
      computer.check_sound();
    }
  }
  REQUIRE(applied > 0);
  REQUIRE(lost > 0);
}

TEST_CASE("a synced batch that failed and was sent again survives, whichever operation had failed") {
  const std::vector<Entry> entries = {{"a", "1"}, {std::string_view("b"), "2"}};
  const std::vector<std::string_view> keys = {"a", "b"};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      CAPTURE(seed);
      CAPTURE(n);
      Computer computer(seed * 1000 + n);
      computer.create();
      computer.open();
      const AppendOptions options{.sync = true, .id = BatchId{writer_id(1), 1}};
      computer.env().fail_at(n, {.how = Fault::How::once});
      try {
        computer.store().append_batch(entries, options);
      } catch (const Error&) {
        computer.env().heal();
        computer.store().append_batch(entries, options);
      }
      fired = computer.env().fired();
      computer.lose_power();
      computer.open();
      REQUIRE(computer.store().get_batch(keys) == std::vector<std::string>{"1", "2"});
      REQUIRE(computer.store().last_sequence(writer_id(1)) == 1);
      computer.check_sound();
    }
  }
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
    computer.lose_power();
    computer.open();
    REQUIRE(computer.store().get("a") == "1");
    REQUIRE(computer.store().last_sequence(writer_id(1)) == 1);
    computer.check_sound();
  }
}

TEST_CASE("synced batches survive a checkpoint that power failed in") {
  bool cut = true;
  for (std::uint64_t n = 1; cut; ++n) {
    CAPTURE(n);
    Computer computer(n);
    computer.create();
    computer.open();
    Survival survival;
    const auto append = [&](const OwnedBatch& batch) {
      computer.store().append_batch(batch.view(), batch.options);
      survival.append_batch(batch);
    };
    append({.entries = {{"a", "1"}, {"b", "2"}}, .options = {.sync = true}});
    for (int i = 0; i < 8; ++i) {
      append({.entries = {{"big", std::string(Journal::size_limit / 8 - 1024, 'b')}}, .options = {.sync = true}});
    }
    const OwnedBatch last{.entries = {{"a", std::string(8192, 'x')}, {"c", "3"}}, .options = {.sync = true}};
    cut = computer.cut_off(n, [&] { computer.store().append_batch(last.view(), last.options); });
    survival.append_batch({.entries = last.entries, .options = {.sync = !cut}});
    computer.lose_power();
    computer.open();
    survival.found(computer.store());
    computer.check_sound();
  }
}

TEST_CASE("a synced batch too large for the journal survives") {
  bool cut = true;
  for (std::uint64_t n = 1; cut; ++n) {
    CAPTURE(n);
    Computer computer(n);
    computer.create();
    computer.open();
    Survival survival;
    const OwnedBatch first{.entries = {{"a", "1"}, {"b", "2"}}, .options = {.sync = true}};
    computer.store().append_batch(first.view(), first.options);
    survival.append_batch(first);
    const OwnedBatch large{.entries = {{"a", std::string(Journal::size_limit / 8, 'x')}, {"c", "3"}},
                           .options = {.sync = true}};
    cut = computer.cut_off(n, [&] { computer.store().append_batch(large.view(), large.options); });
    survival.append_batch({.entries = large.entries, .options = {.sync = !cut}});
    computer.lose_power();
    computer.open();
    survival.found(computer.store());
    computer.check_sound();
  }
}

TEST_CASE("a created dataset survives power loss") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Computer computer(seed);
    computer.create();
    computer.lose_power();
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
    computer.lose_power();
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
    cut = computer.cut_off(n, [&] { destroy_files(computer.env(), computer.path()); });
    computer.lose_power();
    if (std::filesystem::exists(computer.path())) destroy_files(computer.env(), computer.path());
    REQUIRE_FALSE(std::filesystem::exists(computer.path()));
  }
}

}  // namespace
}  // namespace accrete::test
