// What cannot be removed: it is looked at before anything is, and takes no reads away.
#include <accrete/accrete.hpp>
#include <cerrno>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "api/datasets.hpp"
#include "support/child.hpp"
#include "support/fault_dataset.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("reads go on as before an append whose writer died, if it cannot be taken back") {
  const std::string long_key(500, 'k');
  const std::vector<std::string_view> keys = {"a", "new", long_key};
  const std::vector<Entry> entries = {{"a", "2"}, {"new", "2"}, {long_key, "2"}};
  for (const bool sync : {false, true}) {
    bool cut = true;
    int unfinished = 0;
    for (std::uint64_t k = 1; cut; ++k) {
      CAPTURE(k);
      CAPTURE(sync);
      FaultDataset dataset;
      FaultEnv& env = dataset.env();
      const std::string url = dataset.url();
      const WriterId writer{std::byte{1}};
      {
        const auto store = dataset.open();
        const Entry first{"a", "1"};
        store->append_batch({&first, 1}, {.sync = sync, .id = BatchId{writer, 1}});
        env.fail_at(k, {.how = Fault::How::for_good});
        try {
          store->append_batch(entries, {.sync = sync, .id = BatchId{writer, 2}});
        } catch (const Error&) {
        }
        cut = env.fired();
      }
      if (!cut) break;
      env.heal();
      // Each change that a recovery makes is refused from the n-th on: reads do not differ.
      bool refused = true;
      for (std::uint64_t n = 1; refused; ++n) {
        CAPTURE(n);
        const fs::path copy = dataset.beside("copy" + std::to_string(n));
        fs::copy(url, copy, fs::copy_options::recursive);
        env.fail_at(n, {.how = Fault::How::changes_for_good, .error = EPERM});
        const auto store = open_dataset(env, copy, {});
        const std::vector<std::string> values = store->get_batch(keys);
        const bool before = values == std::vector<std::string>{"1", "", ""};
        const bool after = values == std::vector<std::string>{"12", "2", "2"};
        refused = env.fired();
        REQUIRE((before || (after && sync)));
        const Stats stats = store->stats();
        REQUIRE(stats.keys == (before ? 1 : 3));
        REQUIRE(stats.bytes == (before ? 1 : 4));
        REQUIRE(store->list().size() == stats.keys);
        REQUIRE(store->list().front().size == (before ? 1 : 2));
        REQUIRE(store->size("new").has_value() == !before);
        REQUIRE(store->list({.limit = 1}).size() == 1);
        if (before && !sync) REQUIRE(store->last_sequence(writer) == 1);  // a synced one is completed at last
        if (refused) CHECK_THROWS_AS(store->append("a", "x"), IoError);
        unfinished += refused;
        env.heal();
        store->append("a", "3");
        REQUIRE(store->get("a") == (store->size("new") ? "123" : "13"));
        REQUIRE(verify_dataset(env, copy, {}).problems.empty());
        fs::remove_all(copy);
      }
    }
    REQUIRE(unfinished > 0);
  }
}

TEST_CASE("reads go on after an erase or a drop that can be neither finished nor taken back") {
  const std::string long_key(500, 'k');
  for (const bool drops : {false, true}) {
    bool refused = true;
    for (std::uint64_t n = 1; refused; ++n) {
      CAPTURE(drops);
      CAPTURE(n);
      FaultDataset dataset;
      FaultEnv& env = dataset.env();
      const auto store = dataset.open();
      const std::vector<Entry> entries = {{"a", "1"}, {"b", "1"}, {long_key, "1"}};
      store->append_batch(entries);
      env.fail_at(n, {.how = Fault::How::changes_for_good, .error = EPERM});
      bool returned = true;
      try {
        drops ? store->drop() : store->erase(long_key);
      } catch (const Error&) {
        returned = false;
      }
      refused = env.fired();
      const std::size_t left = store->list().size();
      REQUIRE((left == (drops ? 0 : 2) || (!returned && left == 3)));
      REQUIRE(store->get("a") == (drops && left == 0 ? "" : "1"));
      REQUIRE(dataset.open()->list().size() == left);
      env.heal();
      drops ? store->drop() : store->erase(long_key);
      REQUIRE(store->list().size() == (drops ? 0 : 2));
      REQUIRE(store->stats().keys == (drops ? 0 : 2));
      REQUIRE(dataset.verify().problems.empty());
    }
  }
}

TEST_CASE("a key of several directories that cannot be made leaves none of them behind") {
  const std::string long_key(1000, 'k');
  bool fired = true;
  for (std::uint64_t n = 1; fired; ++n) {
    CAPTURE(n);
    FaultDataset dataset;
    FaultEnv& env = dataset.env();
    const auto store = dataset.open();
    env.fail_at(n, {.how = Fault::How::once, .error = ENOSPC});
    bool returned = true;
    try {
      store->append(long_key, "1");
    } catch (const Error&) {
      returned = false;
    }
    fired = env.fired();
    env.heal();
    REQUIRE(store->list().size() == (returned ? 1 : 0));
    REQUIRE(dataset.verify().problems.empty());
  }
}

TEST_CASE("an empty directory of a long key is found, and removed by a repair") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  create(url);
  put(url, {{std::string(500, 'k'), "1"}});
  fs::create_directories(url + "/left%/over%");
  CHECK(verify(url).problems.size() == 1);
  CHECK(verify(url, {.repair = true}).repairs.size() == 1);
  CHECK(verify(url).problems.empty());
  CHECK_FALSE(fs::exists(url + "/left%"));
  CHECK(get(url, {std::string(500, 'k')}).front() == "1");
}

/// As another user than root, whom no rights stop.
template <typename Work>
bool succeeds_as_another(Work work) {
  return succeeds(start_child([&] {
    constexpr uid_t nobody = 65534;
    require(::geteuid() != 0 || (::setegid(nobody) == 0 && ::seteuid(nobody) == 0), "another user is had");
    work();
  }));
}

TEST_CASE("a destroy that its parent directory forbids removes nothing") {
  const TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms::all);
  const std::string parent = directory / "parent";
  fs::create_directory(parent);
  const std::string url = parent + "/dataset";
  create(url);
  put(url, {{"a", "1"}});
  for (const auto& entry : fs::recursive_directory_iterator(parent)) fs::permissions(entry.path(), fs::perms::all);
  fs::permissions(parent, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  if (::geteuid() != 0) fs::permissions(parent, fs::perms::owner_read | fs::perms::owner_exec);
  CHECK(succeeds_as_another([&] {
    try {
      destroy(url);
    } catch (const IoError& error) {
      require(error.code().value() == EACCES, "the parent forbids it");
      return;
    }
    require(false, "it is refused");
  }));
  fs::permissions(parent, fs::perms::all);
  CHECK(get(url, {"a"}).front() == "1");
  CHECK(verify(url).problems.empty());
}

TEST_CASE("values whose directory forbids it are not begun to be dropped or erased") {
  const TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms::all);
  const std::string url = directory / "dataset";
  create(url);
  put(url, {{"a", "1"}, {std::string(500, 'k'), "1"}});
  for (const auto& entry : fs::recursive_directory_iterator(url)) fs::permissions(entry.path(), fs::perms::all);
  fs::permissions(url, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  CHECK(succeeds_as_another([&] {
    const std::unique_ptr<Store> store = open(url);
    for (const auto& removal : {std::function([&] { store->drop(); }), std::function([&] { store->erase("a"); })}) {
      try {
        removal();
      } catch (const IoError&) {
        require(store->get("a") == "1", "nothing was removed");
        continue;
      }
      require(false, "it is refused");
    }
  }));
  fs::permissions(url, fs::perms::all);
  CHECK(open(url)->list().size() == 2);
  CHECK(verify(url).problems.empty());
}

TEST_CASE("destroy follows no link, with slashes at its end either") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  create(url);
  put(url, {{"a", "1"}});
  fs::create_directory_symlink(url, directory / "link");
  CHECK_THROWS_AS(destroy(directory / "link"), InvalidArgumentError);
  CHECK_THROWS_AS(destroy(directory / "link/"), InvalidArgumentError);
  CHECK_THROWS_AS(destroy(directory / "link//"), InvalidArgumentError);
  CHECK_THROWS_AS(destroy(directory / "dataset/."), InvalidArgumentError);
  CHECK(get(url, {"a"}).front() == "1");
}

TEST_CASE("a temporary dataset that was named by a relative path goes wherever the program has gone since") {
  const TemporaryDirectory directory;
  CHECK(succeeds(start_child([&] {
    require(::chdir(directory.path().c_str()) == 0, "the directory is there");
    const TemporaryDataset dataset = create_temporary(".");
    const std::unique_ptr<Store> store = open(dataset.url());
    require(::chdir("/") == 0, "there is a root");
    store->append("a", "1");
    require(succeeds(start_child([&] { store->append("a", "2"); })), "a forked child finds the lock");
    put(dataset.url(), {{"a", "3"}});
    require(store->get("a") == "123", "it is the same dataset");
  })));
  CHECK(fs::is_empty(directory.path()));
}

TEST_CASE("sweep goes on past directories that it may not look into, and tells of those that are its own") {
  const TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms::all);
  for (const char* name : {"a-foreign", "accrete-foreign"}) {
    fs::create_directory(directory / name);
    fs::permissions(directory / name, fs::perms::none);
  }
  CHECK(succeeds_as_another([&] {
    require(succeeds(start_child([&] {
              const TemporaryDataset dead = create_temporary(directory.path());
              ::_exit(0);
            })),
            "its owner dies");
    try {
      (void)sweep(directory.path());
    } catch (const Error& error) {
      const std::string message = error.what();
      require(message.find("accrete-foreign") != std::string::npos, "it tells of what looks like a dataset");
      require(message.find("/a-foreign") == std::string::npos, "it does not tell of what does not");
      return;
    }
    require(false, "something is left over");
  }));
  CHECK(std::distance(fs::directory_iterator(directory.path()), {}) == 2);
}

}  // namespace
}  // namespace accrete::test
