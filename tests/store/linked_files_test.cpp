// Copies by hard links, and equal values that share a file.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <unistd.h>

#include "store/files_dataset.hpp"
#include "support/child.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

/// As `cp -al`.
void copy_by_links(const std::string& from, const std::string& to) {
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::create_hard_links);
}

TEST_CASE("a copy by hard links is refused, and the original goes on without changing it") {
  const TemporaryDirectory directory;
  const std::string original = directory / "original";
  const std::string copy = directory / "copy";
  const std::string long_key(500, 'k');
  create(original);
  const std::unique_ptr<Store> store = open(original);
  store->append("a", "1");
  store->append(long_key, "1");
  copy_by_links(original, copy);
  CHECK_THROWS_AS(static_cast<void>(open(copy)), CorruptionError);
  CHECK_THROWS_AS(put(copy, {{"a", "x"}}), CorruptionError);
  CHECK(verify(copy).problems.size() == 1);
  CHECK(verify(original).problems.empty());
  store->append("a", "2");  // through a descriptor that was open before
  put(original, {{"a", "3"}, {long_key, "2"}});
  CHECK(store->get("a") == "123");
  CHECK(store->get(long_key) == "12");
  CHECK(read_file(copy + "/a") == "1");
  CHECK(verify(original).problems.empty());
}

TEST_CASE("a repair makes a dataset of its own of a copy by hard links") {
  const TemporaryDirectory directory;
  const std::string original = directory / "original";
  const std::string copy = directory / "copy";
  create(original);
  const BatchId id{WriterId{std::byte{1}}, 7};
  {
    const std::unique_ptr<Store> store = open(original);
    const Entry entry{"a", "1"};
    store->append_batch({&entry, 1}, {.sync = true, .id = id});
  }
  copy_by_links(original, copy);
  CHECK(verify(copy, {.repair = true}).repairs.size() == 1);
  CHECK(verify(copy).problems.empty());
  CHECK(info(copy).uuid != info(original).uuid);
  put(copy, {{"a", "copy"}});
  put(original, {{"a", "original"}});
  CHECK(get(copy, {"a"}).front() == "1copy");
  CHECK(get(original, {"a"}).front() == "1original");
  CHECK(open(copy)->last_sequence(id.writer) == id.sequence);
  for (const char* name : {".accrete", ".lock", ".control", ".journal", ".writers", "a"}) {
    CAPTURE(name);
    CHECK(fs::hard_link_count(copy + "/" + name) == 1);
  }
  destroy(copy);
  CHECK(get(original, {"a"}).front() == "1original");
  CHECK(verify(original).problems.empty());
}

TEST_CASE("to destroy a copy by hard links removes it and leaves the original alone, also while that is in use") {
  const TemporaryDirectory directory;
  const std::string original = directory / "original";
  create(original);
  put(original, {{"a", "1"}});
  copy_by_links(original, directory / "copy");
  const std::unique_ptr<Store> owner = open(original, {.buffer = BufferOptions{}});
  CHECK(succeeds(start_child([&] { destroy(directory / "copy"); })));
  CHECK_FALSE(fs::exists(directory / "copy"));
  owner->append("a", "2");
  owner->flush();
  CHECK(owner->get("a") == "12");
}

TEST_CASE("a dataset that was moved or copied whole is used where it is") {
  const TemporaryDirectory directory;
  create(directory / "first");
  put(directory / "first", {{"a", "1"}});
  fs::copy(directory / "first", directory / "second", fs::copy_options::recursive);
  put(directory / "second", {{"a", "2"}});
  CHECK(get(directory / "first", {"a"}).front() == "1");
  copy_by_links(directory / "second", directory / "third");
  CHECK_THROWS_AS(put(directory / "third", {{"a", "x"}}), CorruptionError);
  put(directory / "second", {{"a", "3"}});
  destroy(directory / "second");
  // Nobody shares the files of the copy any more, but they say that its original is gone.
  CHECK_THROWS_AS(put(directory / "third", {{"a", "x"}}), NotFoundError);
  CHECK_FALSE(verify(directory / "third").problems.empty());
  CHECK(verify(directory / "third", {.repair = true}).repairs.size() == 1);
  CHECK(verify(directory / "third").problems.empty());
  put(directory / "third", {{"a", "3"}});
  CHECK(get(directory / "third", {"a"}).front() == "123");
}

TEST_CASE("equal values that share a file do not mix when one is appended to") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  const std::string long_key(500, 'k');
  create(url);
  put(url, {{"a", "same"}, {"b", "same"}, {long_key, "same"}});
  fs::remove(url + "/b");
  fs::create_hard_link(url + "/a", url + "/b");
  SUBCASE("one after the other") {
    put(url, {{"b", "1"}});
    CHECK(get(url, {"a", "b"}) == std::vector<std::string>{"same", "same1"});
    put(url, {{"a", "2"}});
  }
  SUBCASE("in a batch") { put(url, {{"b", "1"}, {"a", "2"}}); }
  SUBCASE("in a synced batch") { put(url, {{"b", "1"}, {"a", "2"}}, {.sync = true}); }
  SUBCASE("in a batch of more keys than may be open") {
    const std::vector<Entry> entries = {{"b", "1"}, {"a", "2"}};
    open(url, {.max_open_files = 1})->append_batch(entries);
  }
  CHECK(get(url, {"a", "b"}) == std::vector<std::string>{"same2", "same1"});
  CHECK(verify(url).problems.empty());
}

TEST_CASE("who has a value open goes on with the file that has taken its place") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  create(url);
  const std::unique_ptr<Store> other = open(url);
  other->append("a", "1");
  fs::create_hard_link(url + "/a", directory / "elsewhere");
  CHECK(succeeds(start_child([&] { put(url, {{"a", "2"}}); })));
  other->append("a", "3");
  CHECK(other->get("a") == "123");
  CHECK(read_file(url + "/a") == "123");
  CHECK(read_file(directory / "elsewhere") == "1");
}

TEST_CASE("a value with another name stays whole, and the other as it was, whichever operation fails") {
  for (const auto how : {Fault::How::once, Fault::How::for_good}) {
    for (const bool sync : {false, true}) {
      bool fired = true;
      for (std::uint64_t n = 1; fired; ++n) {
        CAPTURE(n);
        CAPTURE(sync);
        const TemporaryDirectory directory{memory_directory()};
        FaultEnv env(posix_env(), FaultEnv::Syncs::counted);
        const std::string url = directory / "dataset";
        create_files(env, url, {});
        {
          const auto store = open_files(env, url, {});
          store->append("a", "old");
          store->append("b", "old");
        }
        fs::create_hard_link(url + "/a", directory / "elsewhere");
        bool returned = true;
        {
          const auto store = open_files(env, url, {});
          const std::vector<Entry> entries = {{"a", "new"}, {"b", "new"}};
          env.fail_at(n, {.how = how});
          try {
            store->append_batch(entries, {.sync = sync});
          } catch (const Error&) {
            returned = false;
          }
          fired = env.fired();
        }
        env.heal();
        const auto store = open_files(env, url, {});
        const std::string value = store->get("a");
        REQUIRE((value == "oldnew" || (!returned && value == "old")));
        REQUIRE(store->get("b") == value);
        REQUIRE(read_file(directory / "elsewhere") == "old");
        if (!env.sync_failed()) REQUIRE(verify_files(env, url, {}).problems.empty());
        store->append("a", "more");
        REQUIRE(store->get("a") == value + "more");
        REQUIRE(read_file(directory / "elsewhere") == "old");
      }
    }
  }
}

}  // namespace
}  // namespace accrete::test
