// What can be removed on a full disk: under a buffer, and where one was killed.
#include <accrete/error.hpp>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>

#include "api/datasets.hpp"
#include "dataset/names.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "support/fault_dataset.hpp"
#include "support/file_bytes.hpp"

namespace accrete::test {
namespace {

std::unique_ptr<Store> open_buffered(FaultDataset& dataset, Durability durability) {
  return open_buffered_dataset(
      dataset.env(), dataset.url(),
      {.buffer = BufferOptions{.limit_bytes = std::uint64_t{1} << 20}, .durability = durability});
}

void kill(FaultDataset& dataset, std::unique_ptr<Store> store) {
  dataset.env().fail_at(1, {.how = Fault::How::for_good});
  store.reset();
  dataset.env().heal();
}

/// Gathers appends to "a", "b" and "below", and leaves them in a journal.
void gather(
    FaultDataset& dataset, Durability durability, const std::function<void(Store&)>& last = [](Store&) {}) {
  dataset.open()->append("below", "old;");
  std::unique_ptr<Store> store = open_buffered(dataset, durability);
  for (const char* const key : {"a", "b", "below"}) store->append(key, "new;");
  last(*store);
  kill(dataset, std::move(store));
}

void check_whole(FaultDataset& dataset, const std::string& key) {
  REQUIRE(dataset.open()->get(key) == (key == "below" ? "old;new;" : "new;"));
}

void check_sound(FaultDataset& dataset) {
  CHECK(dataset.verify().problems.empty());
  CHECK_FALSE(dataset.open()->size("missing"));
  CHECK(open_buffered(dataset, Durability::os)->get("missing").empty());
}

TEST_CASE("where a dead buffer's appends cannot be handed down, keys can be erased, and the others are whole") {
  for (const Durability durability : {Durability::os, Durability::sync}) {
    CAPTURE(static_cast<int>(durability));
    FaultDataset dataset;
    gather(dataset, durability);
    dataset.env().fill_disk();
    CHECK_THROWS_AS((void)dataset.open()->get("b"), DiskFullError);
    CHECK_THROWS_AS(dataset.open()->append("b", "x"), DiskFullError);
    CHECK_THROWS_AS((void)open_buffered(dataset, durability), DiskFullError);
    dataset.open()->erase("a");
    dataset.open()->erase("below");
    dataset.open()->erase("missing");
    CHECK_THROWS_AS((void)dataset.open()->get("b"), DiskFullError);
    dataset.env().empty_disk();
    CHECK_FALSE(dataset.open()->size("a"));
    CHECK_FALSE(dataset.open()->size("below"));
    check_whole(dataset, "b");
    check_sound(dataset);
  }
}

TEST_CASE("it can be dropped, and goes on empty") {
  FaultDataset dataset;
  gather(dataset, Durability::os);
  dataset.env().fill_disk();
  dataset.open()->drop();
  CHECK(dataset.open()->list().empty());
  dataset.env().empty_disk();
  CHECK(dataset.open()->list().empty());
  dataset.open()->append("a", "after");
  CHECK(dataset.open()->get("a") == "after");
  check_sound(dataset);
}

TEST_CASE("more is removed than the journal has kept room for, once that has made some") {
  FaultDataset dataset;
  gather(dataset, Durability::os);
  dataset.env().fill_disk();
  const std::string key(max_key_size, 'k');
  int removed = 0;
  CHECK_THROWS_AS(
      [&] {
        for (; removed < 10'000; ++removed) dataset.open()->erase(key);
      }(),
      DiskFullError);
  CHECK(removed >= 3);
  dataset.env().empty_disk();
  for (const char* const left : {"a", "b", "below"}) check_whole(dataset, left);
  check_sound(dataset);
}

TEST_CASE("what the dead buffer was removing is removed first, wherever it was killed") {
  bool fired = true;
  int completed = 0;
  for (std::uint64_t n = 1; fired; ++n) {
    CAPTURE(n);
    FaultDataset dataset;
    gather(dataset, Durability::os, [&](Store& store) {
      dataset.env().fail_at(n, {.how = Fault::How::for_good});
      try {
        store.erase("below");
      } catch (const Error&) {
      }
      fired = dataset.env().fired();
    });
    dataset.env().fill_disk();
    dataset.open()->erase("b");
    dataset.env().empty_disk();
    CHECK_FALSE(dataset.open()->size("b"));
    const bool is_erased = !dataset.open()->size("below");
    if (!is_erased) check_whole(dataset, "below");
    completed += is_erased && fired ? 1 : 0;
    check_whole(dataset, "a");
    check_sound(dataset);
  }
  CHECK(completed > 0);
}

TEST_CASE("who fails or is killed amid it leaves the key erased or whole, and all others whole") {
  const auto sweep = [](Durability durability, const std::string& key, Fault::How how) {
    int left = 0;
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      CAPTURE(key);
      CAPTURE(n);
      FaultDataset dataset;
      gather(dataset, durability);
      dataset.env().fill_disk();
      bool returned = false;
      {
        std::unique_ptr<Store> store = dataset.open();
        dataset.env().fail_at(n, {.how = how});
        try {
          store->erase(key);
          returned = true;
        } catch (const Error&) {
        }
        fired = dataset.env().fired();
      }
      const bool sync_failed = dataset.env().sync_failed();
      dataset.env().heal();
      dataset.env().empty_disk();
      if (sync_failed) (void)dataset.verify({.repair = true});  // before, no journal is handed down
      if (dataset.open()->size(key)) {
        REQUIRE_FALSE(returned);
        check_whole(dataset, key);
        ++left;
      }
      check_whole(dataset, "b");
      check_whole(dataset, key == "a" ? "below" : "a");
      check_sound(dataset);
    }
    CHECK(left > 0);
  };
  for (const Durability durability : {Durability::os, Durability::sync}) {
    for (const char* const key : {"a", "below"}) {
      for (const Fault::How how : {Fault::How::for_good, Fault::How::once}) sweep(durability, key, how);
    }
  }
}

TEST_CASE("a journal whose end is damaged is left as it is") {
  FaultDataset dataset;
  gather(dataset, Durability::os);
  std::string bytes = read_file(dataset.file(buffer_journal_names[1]));
  bytes[buffer_segment_front_size] ^= 1;
  write_file(dataset.file(buffer_journal_names[1]), bytes);
  dataset.env().fill_disk();
  CHECK_THROWS_AS(dataset.open()->erase("a"), Error);
  CHECK(read_file(dataset.file(buffer_journal_names[1])) == bytes);
  CHECK(dataset.env().info(dataset.file("below")).has_value());
}

TEST_CASE("under a buffer whose disk is full, keys can be erased and all dropped, whatever its segments hold") {
  for (const Durability durability : {Durability::os, Durability::sync}) {
    CAPTURE(static_cast<int>(durability));
    FaultDataset dataset;
    const std::unique_ptr<Store> store = open_buffered(dataset, durability);
    for (int round = 0; round < 4; ++round) {
      for (int key = 0; key < 50; ++key) store->append("key" + std::to_string(key), std::string(5'000, 'x'));
      store->flush();
      dataset.env().fill_disk();
      const auto fill = [&] {
        for (int i = 0; i < 10'000; ++i)
          store->append("fill", std::string(100 * static_cast<std::size_t>(round), 'f') + ";");
      };
      CHECK_THROWS_AS(fill(), DiskFullError);
      const std::string filled = store->get("fill");
      for (int key = 0; key < 50; ++key) store->erase("key" + std::to_string(key));
      CHECK(store->list().size() == 1);
      CHECK(store->get("fill") == filled);
      if (round % 2 == 1) store->drop();
      dataset.env().empty_disk();
      store->append("fill", "after");
      CHECK(store->get("fill") == (round % 2 == 1 ? "" : filled) + "after");
    }
  }
}

TEST_CASE("an erase for which no room is left under a buffer is not begun, and reads go on") {
  for (const Durability durability : {Durability::os, Durability::sync}) {
    for (std::size_t key_size = 1; key_size <= 40; key_size += 3) {
      CAPTURE(static_cast<int>(durability));
      CAPTURE(key_size);
      FaultDataset dataset;
      const std::unique_ptr<Store> store = open_buffered(dataset, durability);
      store->append("a", "new;");
      dataset.env().fill_disk();
      const std::string key(key_size, 'k');
      const auto use_up = [&] {
        for (int i = 0; i < 10'000; ++i) store->erase(key);
      };
      CHECK_THROWS_AS(use_up(), DiskFullError);
      REQUIRE(store->get("a") == "new;");
      dataset.env().empty_disk();
      store->append("a", "more;");
      REQUIRE(store->get("a") == "new;more;");
    }
  }
}

}  // namespace
}  // namespace accrete::test
