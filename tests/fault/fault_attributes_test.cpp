// Every operation under the calls on attributes fails in turn.
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "dataset/names.hpp"
#include "fault/sweep.hpp"
#include "support/fault_dataset.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

/// How a dataset's user has opened it.
const std::vector<OpenOptions>& all_ways() {
  static const std::vector<OpenOptions> ways = {
      {}, {.buffer = BufferOptions{.limit_bytes = std::uint64_t{1} << 20}, .durability = Durability::sync}};
  return ways;
}

std::unique_ptr<Store> set_up(FaultDataset& dataset, const OpenOptions& way) {
  std::unique_ptr<Store> store = dataset.open(way);
  store->append("key", "value");
  store->set_attribute("a", "old");
  store->set_attribute("b", "stays");
  return store;
}

TEST_CASE("an attribute whose setting fails is the old one, or, if it could not be synced, the new one") {
  int failed = 0;
  int set = 0;
  for (const OpenOptions& way : all_ways()) {
    CAPTURE(way.buffer.has_value());
    for_each_fault([&](std::uint64_t n, const Fault& fault) {
      FaultDataset dataset;
      std::unique_ptr<Store> store = set_up(dataset, way);
      dataset.env().fail_at(n, fault);
      const bool returned = returns([&] { require(store->set_attribute("a", "new"), "what is not expected is set"); });
      const bool fired = dataset.env().fired();
      dataset.env().heal();
      const bool is_left = std::filesystem::exists(dataset.file(mended_name));
      require(!is_left || fault.how == Fault::How::for_good,
              "what was written aside is removed while that is possible");
      const bool is_set = store->attribute("a") == "new";
      require(is_set || store->attribute("a") == "old", "an attribute is the old one or the new one");
      require(is_set || !returned, "what was set is there");
      require(!is_set || returned || dataset.env().sync_failed(), "what failed changed nothing");
      store.reset();
      if (dataset.env().sync_failed()) static_cast<void>(dataset.verify({.repair = true}));
      require(dataset.verify().problems.empty(), "the dataset is sound");
      store = dataset.open(way);
      require(store->attribute("a") == (is_set ? "new" : "old"), "it is the same after reopening");
      require(store->attribute("b") == "stays" && store->get("key") == "value", "nothing else has changed");
      require(store->set_attribute("a", "newer", {.expect_value = is_set ? "new" : "old"}), "it can be set again");
      require(!std::filesystem::exists(dataset.file(mended_name)), "nothing is left aside");
      failed += returned ? 0 : 1;
      set += is_set && !returned ? 1 : 0;
      return fired;
    });
  }
  CHECK(failed > 0);
  CHECK(set > 0);
}

TEST_CASE("an attribute that is read or expected amid a fault is what it is, or an error") {
  int failed = 0;
  for (const OpenOptions& way : all_ways()) {
    for_each_fault([&](std::uint64_t n, const Fault& fault) {
      FaultDataset dataset;
      const std::unique_ptr<Store> store = set_up(dataset, way);
      dataset.env().fail_at(n, fault);
      const auto read = [&] {
        require(store->attribute("a") == "old", "an attribute is what it is");
        require(!store->attribute("missing"), "what is missing is missing");
        require(store->attributes() == std::vector<std::string>{"a", "b"}, "all attributes are listed");
        require(!store->set_attribute("a", "new", {.expect_none = true}), "what is there is not expected");
      };
      failed += returns(read) ? 0 : 1;
      const bool fired = dataset.env().fired();
      dataset.env().heal();
      require(store->attribute("a") == "old", "nothing has changed");
      return fired;
    });
  }
  CHECK(failed > 0);
}

TEST_CASE("once a sync has failed, no attribute is set before a repair") {
  FaultDataset dataset;
  const std::unique_ptr<Store> store = set_up(dataset, {});
  std::string left = "old";
  SUBCASE("of the dataset") {
    dataset.env().fail_at(1, {.only = "sync the file system of"});
    CHECK_THROWS_AS(store->sync(), IoError);
  }
  SUBCASE("of the name of an attribute's file") {
    dataset.env().fail_at(1, {.only = "sync the directory"});
    CHECK_THROWS_AS(store->set_attribute("a", "not synced"), IoError);
    left = "not synced";
  }
  REQUIRE(dataset.env().sync_failed());
  dataset.env().heal();
  CHECK(store->attribute("a") == left);
  CHECK_THROWS_WITH_AS(store->set_attribute("a", "new"), doctest::Contains("verify --repair"), IoError);
  CHECK_THROWS_WITH_AS(store->sync(), doctest::Contains("verify --repair"), IoError);
  CHECK(store->attribute("a") == left);
  static_cast<void>(dataset.verify({.repair = true}));
  CHECK(store->set_attribute("a", "new"));
}

TEST_CASE("on a full disk an attribute stays as it is, and nothing is left that takes room") {
  FaultDataset dataset;
  const std::unique_ptr<Store> store = set_up(dataset, {});
  dataset.env().fill_disk();
  CHECK_THROWS_AS(store->set_attribute("a", "new"), DiskFullError);
  CHECK_FALSE(std::filesystem::exists(dataset.file(mended_name)));
  CHECK(store->attribute("a") == "old");
  dataset.env().empty_disk();
  CHECK(store->set_attribute("a", "new"));
}

}  // namespace
}  // namespace accrete::test
