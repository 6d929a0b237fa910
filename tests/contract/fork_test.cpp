// The contract of every Store: a process that has one open may fork, and both go on with it.
#include <array>
#include <atomic>
#include <thread>
#include <unistd.h>

#include "contract/places.hpp"
#include "layout/files/journal.hpp"
#include "os/dataset_lock.hpp"
#include "support/child.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

TEST_CASE("a forked child appends to a dataset through the Store that it inherited") {
  FilesPlace place;
  place.store().append("key", "parent;");
  constexpr int children = 4;
  std::vector<pid_t> pids;
  for (int child = 0; child < children; ++child) {
    pids.push_back(start_child([&] {
      require(place.store().get("key").starts_with("parent;"), "the child reads what the parent appended");
      for (int i = 0; i < 100; ++i) {
        const std::vector<Entry> entries = {{"key", "x"}, {"other", "x"}};
        place.store().append_batch(entries, {.sync = i % 50 == 0});
      }
    }));
  }
  for (int i = 0; i < 100; ++i) place.store().append("key", "y");
  for (const pid_t pid : pids) CHECK(succeeds(pid));
  CHECK(place.store().size("key") == 7 + 100 * (children + 1));
  CHECK(place.store().size("other") == 100 * children);
  place.check_sound();
}

TEST_CASE("a forked child's memory store is a copy of its own") {
  const std::unique_ptr<Store> store = memory_store();
  store->append("key", "both;");
  const pid_t child = start_child([&] {
    store->append("key", "child;");
    require(store->get("key") == "both;child;", "the child goes on with what there was");
  });
  store->append("key", "parent;");
  CHECK(succeeds(child));
  CHECK(store->get("key") == "both;parent;");
}

TEST_CASE("children forked while threads append can use the store, whatever the threads were doing") {
  FilesPlace files;
  const std::unique_ptr<Store> memory = memory_store();
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> appended = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const std::vector<Entry> entries = {{"a", "x"}, {"b", "x"}};
        files.store().append_batch(entries);
        memory->append_batch(entries);
        static_cast<void>(files.store().get("a"));
        ++appended;
      }
    });
  }
  constexpr int forks = 60;
  int succeeded = 0;
  for (int i = 0; i < forks; ++i) {
    succeeded += succeeds(start_child([&] {
      const std::vector<std::string_view> keys = {"a", "b"};
      const std::vector<Entry> entries = {{"a", "c"}, {"b", "c"}};
      for (Store* store : {&files.store(), memory.get()}) {
        store->append_batch(entries);
        const std::vector<std::string> values = store->get_batch(keys);
        require(values[0] == values[1], "the child sees whole batches");
      }
      const std::unique_ptr<Store> another = files.another();
      another->append_batch(entries);
    }));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(succeeded == forks);
  CHECK(files.store().size("a") == appended + 2 * forks);
  CHECK(memory->size("a") == appended.load());
  CHECK(files.store().get("a") == files.store().get("b"));
  files.check_sound();
}

TEST_CASE("a process forks while threads take locks within locks: make datasets, and sync more than a journal takes") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  create(url);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (!stop) (void)create_temporary(directory.path());
  });
  threads.emplace_back([&] {
    const std::unique_ptr<Store> store = open(url);
    const std::string bytes(Journal::default_size_limit / 8, 'x');
    const Entry entry{"k", bytes};
    while (!stop) {
      store->append_batch({&entry, 1}, {.sync = true});
      store->drop();
    }
  });
  constexpr int forks = 200;
  int succeeded = 0;
  for (int i = 0; i < forks; ++i) succeeded += succeeds(start_child([] {}));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(succeeded == forks);
}

TEST_CASE("a process forks while a thread waits for a lock that another process has") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  create(url);
  std::array<int, 2> taken{};
  std::array<int, 2> done{};
  REQUIRE(::pipe(taken.data()) == 0);
  REQUIRE(::pipe(done.data()) == 0);
  char word = 0;
  const pid_t holder = start_child([&] {
    const std::shared_ptr<DatasetLock> lock = lock_for(url + "/.lock");
    const DatasetLock::Guard guard = lock->exclusive(std::chrono::hours{1});
    require(::write(taken[1], "t", 1) == 1, "the parent listens");
    ::close(done[1]);
    require(::read(done[0], &word, 1) == 1, "the parent says when");
  });
  REQUIRE(::read(taken[0], &word, 1) == 1);
  std::atomic<bool> waits = false;
  std::thread writer([&] {
    waits = true;
    open(url, {.lock_timeout = std::chrono::hours{1}})->append("key", "x");
  });
  while (!waits) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) CHECK(succeeds(start_child([] {})));
  REQUIRE(::write(done[1], "d", 1) == 1);
  writer.join();
  CHECK(succeeds(holder));
  CHECK(get(url, {"key"}).front() == "x");
  for (const int fd : {taken[0], taken[1], done[0], done[1]}) ::close(fd);
}

TEST_CASE("a child that exits leaves the parent's lock and store as they were") {
  FilesPlace place;
  for (int i = 0; i < 10; ++i) {
    CHECK(succeeds(start_child([&] { place.reopen(); })));
    place.store().append("key", "x");
  }
  CHECK(place.store().size("key") == 10);
  place.check_sound();
}

}  // namespace
}  // namespace accrete::test
