// A sync fails, and the kernel gives up what it was to write: a later one that returns would tell a lie.
#include <algorithm>
#include <array>
#include <barrier>
#include <doctest/doctest.h>
#include <functional>
#include <thread>
#include <vector>

#include "api/datasets.hpp"
#include "crash/computer.hpp"
#include "crash/each_failure.hpp"
#include "support/campaign.hpp"

namespace accrete::test {
namespace {

/// True if the call returned.
bool returns(const std::function<void()>& call) {
  try {
    call();
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string many_pages() { return std::string(20'000, 'x'); }

TEST_CASE("after a sync that failed, each one throws or what it covers survives, whichever operation had failed") {
  int refused = 0;
  for_each_failure(10, [&](Computer& computer, std::uint64_t n) {
    computer.store().append("old", "synced");
    computer.store().sync();
    computer.store().append("old", many_pages());
    computer.store().append("new", many_pages());
    computer.env().fail_at(n, {.how = Fault::How::lost_sync});
    const bool first = returns([&] { computer.store().sync(); });
    computer.env().heal();
    const bool fired = computer.env().fired();
    const bool second = returns([&] { computer.store().sync(); });
    computer.open();  // as another process does
    const bool third = returns([&] { computer.store().sync(); });
    REQUIRE((second || !third));
    refused += !second;
    computer.end_process();
    computer.open();
    REQUIRE(computer.store().get("old").starts_with("synced"));
    if (!first && !second && !third) return fired;
    REQUIRE(computer.store().get("old") == "synced" + many_pages());
    REQUIRE(computer.store().get("new") == many_pages());
    computer.check_sound();
    return fired;
  });
  REQUIRE(refused > 0);
}

TEST_CASE("a repair writes what a failed sync has given up, and syncs it") {
  for_each_failure(10, [&](Computer& computer, std::uint64_t n) {
    const Entry entry{"a", "synced"};
    computer.store().append_batch({&entry, 1}, {.sync = true, .id = BatchId{writer_id(1), 1}});
    computer.store().append("a", many_pages());
    computer.store().append(std::string(300, 'k'), many_pages());
    computer.env().fail_at(n, {.how = Fault::How::lost_sync});
    const bool returned = returns([&] { computer.store().sync(); });
    computer.env().heal();
    const bool fired = computer.env().fired();
    const bool failed = !returned && !returns([&] { computer.store().sync(); });
    REQUIRE(computer.repair().repairs.empty() == !failed);
    REQUIRE(computer.repair().problems.empty());
    computer.store().sync();
    computer.end_process();
    computer.open();
    REQUIRE(computer.store().get("a") == "synced" + many_pages());
    REQUIRE(computer.store().get(std::string(300, 'k')) == many_pages());
    REQUIRE(computer.store().last_sequence(writer_id(1)) == 1);
    computer.check_sound();
    return fired;
  });
}

TEST_CASE("a repair in which a sync fails, too, leaves the failure standing") {
  bool fired = true;
  int refused = 0;
  for (std::uint64_t n = 1; fired; ++n) {
    CAPTURE(n);
    Computer computer(n);
    computer.create();
    computer.open();
    computer.store().append("a", many_pages());
    computer.env().fail_at(1, {.how = Fault::How::lost_sync});
    for (std::uint64_t i = 1; returns([&] { computer.store().sync(); }) || returns([&] { computer.store().sync(); });) {
      computer.store().append("a", "x");
      computer.env().fail_at(++i, {.how = Fault::How::lost_sync});
    }
    computer.env().fail_at(n, {.how = Fault::How::lost_sync});
    static_cast<void>(returns([&] { static_cast<void>(computer.repair()); }));
    computer.env().heal();
    fired = computer.env().fired();
    const std::string value = computer.store().get("a");
    const bool synced = returns([&] { computer.store().sync(); });
    refused += !synced;
    computer.end_process();
    computer.open();
    if (synced) REQUIRE(computer.store().get("a") == value);
  }
  REQUIRE(refused > 0);
}

TEST_CASE("of threads that sync at the same time none returns, though the kernel tells only the first that it failed") {
  const TemporaryDirectory directory;
  FaultEnv env(posix_env(), FaultEnv::Syncs::counted);
  constexpr int rounds = 100;
  for (int i = 0; i < rounds; ++i) {
    const std::string path = directory / std::to_string(i);
    create_dataset(env, path, {});
    const std::unique_ptr<Store> store = open_dataset(env, path, {});
    store->append("a", "x");
    env.fail_at(1, {.only = "sync the file system of"});
    std::array<bool, 3> returned{};
    std::barrier start(returned.size());
    std::vector<std::jthread> threads;
    for (bool& has_returned : returned) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        has_returned = returns([&] { store->sync(); });
      });
    }
    threads.clear();
    env.heal();
    REQUIRE(env.fired());
    REQUIRE(std::ranges::none_of(returned, std::identity{}));
  }
}

TEST_CASE("a synced batch whose journal could not be synced leaves those before it as they are") {
  const Entry first{"a", "1"};
  const Entry second{"a", "2"};
  for_each_failure(10, [&](Computer& computer, std::uint64_t n) {
    computer.store().append_batch({&first, 1}, {.sync = true});
    computer.env().fail_at(n, {.how = Fault::How::lost_sync});
    const bool returned = returns([&] { computer.store().append_batch({&second, 1}, {.sync = true}); });
    computer.env().heal();
    const bool fired = computer.env().fired();
    static_cast<void>(returns([&] { computer.store().erase("missing"); }));
    static_cast<void>(returns([&] { computer.store().append("b", "x"); }));
    static_cast<void>(returns([&] { computer.store().erase("b"); }));  // would empty the journal
    computer.end_process();
    computer.open();
    const std::string value = computer.store().get("a");
    REQUIRE((returned ? value == "12" : value.starts_with("1")));
    return fired;
  });
}

TEST_CASE("a synced batch that threw was not applied, whether it fits the journal or not") {
  for (const std::size_t size : {std::size_t{10}, std::size_t{2} << 20}) {
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      CAPTURE(size);
      CAPTURE(n);
      Computer computer(n);
      computer.create();
      computer.open();
      computer.store().append("a", "old");
      const std::string more(size, 'x');
      const std::vector<Entry> entries = {{"a", more}, {"new", more}};
      computer.env().fail_at(n, {.how = Fault::How::lost_sync});
      const BatchId id{writer_id(1), 1};
      const bool returned = returns([&] { computer.store().append_batch(entries, {.sync = true, .id = id}); });
      computer.env().heal();
      fired = computer.env().fired();
      REQUIRE(computer.store().get("a") == (returned ? "old" + more : "old"));
      REQUIRE(computer.store().last_sequence(writer_id(1)).has_value() == returned);
      REQUIRE(computer.store().stats().keys == (returned ? 2 : 1));
      static_cast<void>(computer.repair());
      computer.store().append_batch(entries, {.sync = true, .id = id});
      REQUIRE(computer.store().get("a") == "old" + more);
      computer.check_sound();
    }
  }
}

TEST_CASE(
    "once a sync of a buffer's journal has failed, nothing is acknowledged until a repair, and nothing acknowledged "
    "lost") {
  int refused = 0;
  const auto work = [&](Computer& computer, std::uint64_t n) {
    const std::string piece = many_pages() + ";";
    std::string acknowledged = piece;
    computer.store().append("a", piece);
    computer.env().fail_at(n, {.how = Fault::How::lost_sync});
    bool has_failed = false;
    const auto append = [&] {
      const bool returned = returns([&] { computer.store().append("a", piece); });
      if (returned) acknowledged += piece;
      has_failed = has_failed || !returned;
      return returned;
    };
    for (int i = 0; i < 3; ++i) static_cast<void>(append());
    computer.env().heal();
    const bool fired = computer.env().fired();
    const bool synced = returns([&] { computer.store().sync(); });
    REQUIRE(append() == synced);
    REQUIRE(returns([&] { computer.store().erase("other"); }) == synced);
    REQUIRE(computer.store().get("a") == acknowledged);
    REQUIRE((synced || has_failed));
    refused += !synced;
    computer.end_process();
    REQUIRE(computer.repair().problems.empty());
    computer.open();
    REQUIRE(computer.store().get("a").starts_with(acknowledged));
    computer.store().append("a", "last");
    computer.store().sync();
    computer.check_sound();
    return fired;
  };
  for_each_failure(10, work, {.buffer = Durability::sync});
  REQUIRE(refused > 0);
}

TEST_CASE("an erase under a buffer of which a sync fails keeps no reader waiting") {
  const auto work = [](Computer& computer, std::uint64_t n) {
    computer.store().append("a", "1");
    computer.store().append("b", "2");
    computer.env().fail_at(n, {.how = Fault::How::lost_sync});
    const bool returned = returns([&] { computer.store().erase("a"); });
    computer.env().heal();
    const bool fired = computer.env().fired();
    REQUIRE(computer.store().get("b") == "2");
    const bool is_erased = !computer.store().size("a");
    REQUIRE((is_erased || !returned));
    computer.end_process();
    static_cast<void>(computer.repair());
    computer.open();
    REQUIRE((!computer.store().size("a") || !returned));
    REQUIRE(computer.store().get("b") == "2");
    computer.check_sound();
    return fired;
  };
  for_each_failure(10, work, {.buffer = Durability::sync});
}

TEST_CASE("what syncs claim survives power loss after random work, of which a sync may have failed") {
  const auto live = [](const Setup& setup) {
    const auto last_seed = static_cast<std::uint64_t>(campaign_steps(100));
    for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
      CAPTURE(seed);
      Computer computer(seed, setup);
      computer.create();
      computer.open();
      Life life(computer);
      for (int ends = 0; ends < 4; ++ends) {
        CAPTURE(ends);
        for (std::size_t left = random_below(computer.random(), 14); left > 0; --left) life.act();
        life.sync_twice();
        computer.end_process();
        static_cast<void>(computer.repair());
        life.recover();
      }
    }
  };
  SUBCASE("of a dataset") { live({}); }
  SUBCASE("under a buffer") { live({.buffer = Durability::os}); }
  SUBCASE("under a buffer with a synced journal") { live({.buffer = Durability::sync}); }
  SUBCASE("of compressed values") { live({.codec = parse_codec(codec_names().back())}); }
}

}  // namespace
}  // namespace accrete::test
