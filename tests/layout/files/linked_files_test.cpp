// Copies by hard links, and equal values that share a file.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/datasets.hpp"
#include "dataset/names.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "os/file_lock.hpp"
#include "support/child.hpp"
#include "support/fault_dataset.hpp"
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

const BatchId first_id{WriterId{std::byte{1}}, 1};
const BatchId second_id{WriterId{std::byte{2}}, 1};

void append_with_id(const std::string& url, std::string_view bytes, const BatchId& id, bool sync = true) {
  const Entry entry{"a", bytes};
  open(url)->append_batch({&entry, 1}, {.sync = sync, .id = id});
}

/// Two datasets that share all but their values and control files, as two backups by `rsync --link-dest` do.
class Backups {
 public:
  Backups() {
    create(first());
    append_with_id(first(), "1", first_id);
    fs::copy(first(), second(), fs::copy_options::recursive);
    for (const char* name : {".lock", ".journal", ".writers"}) {
      fs::remove(second() + "/" + name);
      fs::create_hard_link(first() + "/" + name, second() + "/" + name);
    }
  }

  [[nodiscard]] std::string first() const { return directory_ / "first"; }
  [[nodiscard]] std::string second() const { return directory_ / "second"; }

 private:
  TemporaryDirectory directory_;
};

TEST_CASE("backups that share a journal and a table of writers each go on with their own") {
  const Backups backups;
  SUBCASE("as they are opened") {}
  SUBCASE("once one was repaired") {
    CHECK(verify(backups.second()).problems.size() == 2);
    CHECK(verify(backups.second(), {.repair = true}).repairs.size() == 2);
    CHECK(verify(backups.second()).problems.empty());
  }
  SUBCASE("with one that is in use meanwhile") {
    const std::unique_ptr<Store> store = open(backups.first());
    CHECK(store->last_sequence(first_id.writer) == 1);
    append_with_id(backups.second(), "x", {second_id.writer, 5});
    const Entry entry{"a", "2"};
    store->append_batch({&entry, 1}, {.sync = true, .id = second_id});
    CHECK(open(backups.second())->last_sequence(second_id.writer) == 5);
    CHECK(store->get("a") == "12");
    return;
  }
  append_with_id(backups.second(), "x", {second_id.writer, 5});
  append_with_id(backups.first(), "2", second_id);  // which the other has never had
  append_with_id(backups.first(), "2", first_id);   // again
  CHECK(get(backups.first(), {"a"}).front() == "12");
  CHECK(get(backups.second(), {"a"}).front() == "1x");
  CHECK(open(backups.second())->last_sequence(second_id.writer) == 5);
  CHECK(verify(backups.first()).problems.empty());
  CHECK(verify(backups.second()).problems.empty());
}

TEST_CASE("who has a journal and a table of writers open goes on with the files that have taken their place") {
  const Backups backups;
  const std::unique_ptr<Store> store = open(backups.second());
  const Entry entry{"a", "2"};
  store->append_batch({&entry, 1}, {.sync = true, .id = second_id});
  fs::create_hard_link(backups.second() + "/.journal", backups.first() + "-journal");
  fs::create_hard_link(backups.second() + "/.writers", backups.first() + "-writers");
  CHECK(succeeds(start_child([&] { append_with_id(backups.second(), "3", {second_id.writer, 2}); })));
  const std::string journal = read_file(backups.first() + "-journal");
  const std::string writers = read_file(backups.first() + "-writers");
  CHECK(store->last_sequence(second_id.writer) == 2);
  store->append_batch({&entry, 1}, {.sync = true, .id = BatchId{second_id.writer, 2}});
  store->append_batch({&entry, 1}, {.sync = true, .id = BatchId{second_id.writer, 3}});
  CHECK(store->get("a") == "1232");
  CHECK((read_file(backups.first() + "-journal") == journal));
  CHECK(read_file(backups.first() + "-writers") == writers);
}

TEST_CASE("a shared journal and table of writers are as they were elsewhere, whichever operation fails") {
  for (const auto how : {Fault::How::once, Fault::How::for_good, Fault::How::short_write}) {
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      CAPTURE(n);
      FaultDataset dataset;
      const Entry first{"a", "1"};
      dataset.open()->append_batch({&first, 1}, {.sync = true, .id = first_id});
      for (const char* name : {".journal", ".writers"}) {
        fs::create_hard_link(dataset.file(name), dataset.beside(name + 1));
      }
      const std::string journal = read_file(dataset.beside("journal"));
      const std::string writers = read_file(dataset.beside("writers"));
      const Entry second{"a", "2"};
      {
        const auto store = dataset.open();
        dataset.env().fail_at(n, {.how = how});
        try {
          store->append_batch({&second, 1}, {.sync = true, .id = second_id});
        } catch (const Error&) {
        }
        fired = dataset.env().fired();
      }
      dataset.env().heal();
      if (dataset.env().sync_failed()) static_cast<void>(dataset.verify({.repair = true}));
      const auto store = dataset.open();
      store->append_batch({&first, 1}, {.sync = true, .id = first_id});
      store->append_batch({&second, 1}, {.sync = true, .id = second_id});
      REQUIRE(store->get("a") == "12");
      REQUIRE((read_file(dataset.beside("journal")) == journal));
      REQUIRE(read_file(dataset.beside("writers")) == writers);
      REQUIRE(dataset.verify().problems.empty());
    }
  }
}

TEST_CASE("a shared journal of a buffer that was killed is handed down by each of both that have it") {
  const TemporaryDirectory directory;
  const std::string living = directory / "living";
  create(living);
  const std::unique_ptr<Store> store = open(living, {.buffer = BufferOptions{}});
  store->append("a", "journal");
  const std::vector<std::string> copies = {directory / "first", directory / "second"};
  for (const std::string& copy : copies) {
    fs::copy(living, copy, fs::copy_options::recursive);
    for (const char* name : buffer_journal_names) {
      if (copy == copies.front()) continue;
      fs::remove(copy + "/" + name);
      fs::create_hard_link(copies.front() + "/" + name, copy + "/" + name);
    }
  }
  for (const std::string& copy : copies) CHECK(get(copy, {"a"}).front() == "journal");
}

TEST_CASE("copies by hard links of a dataset whose buffer was killed each have its appends, once they are repaired") {
  const TemporaryDirectory directory;
  const std::string killed = directory / "killed";
  create(directory / "living");
  {
    const std::unique_ptr<Store> store = open(directory / "living", {.buffer = BufferOptions{}});
    store->append("a", "flushed;");
    store->flush();
    store->append("a", "journal;");
    fs::copy(directory / "living", killed, fs::copy_options::recursive);
  }
  const std::vector<std::string> copies = {directory / "first", directory / "second"};
  for (const std::string& copy : copies) copy_by_links(killed, copy);
  fs::remove_all(killed);  // nobody can open it once any more
  for (const std::string& copy : copies) {
    CAPTURE(copy);
    if (copy == copies.front()) CHECK_THROWS_AS(static_cast<void>(get(copy, {"a"})), CorruptionError);
    CHECK_FALSE(verify(copy, {.repair = true}).repairs.empty());
    CHECK(verify(copy).problems.empty());
    CHECK(get(copy, {"a"}).front() == "flushed;journal;");
  }
}

/// As another user than root, who may write what is writable by all or by its group.
bool succeeds_as(uid_t user, gid_t group, const std::function<void()>& work) {
  return succeeds(start_child([&] {
    ::umask(022);
    require(::setgroups(0, nullptr) == 0 && ::setegid(group) == 0 && ::seteuid(user) == 0, "another user is had");
    work();
  }));
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

TEST_CASE("a file that takes the place of another has its owner, its group and its mode") {
  if (::geteuid() != 0) return;  // only root can be two users
  constexpr uid_t owner = 65533;
  constexpr uid_t other = 65534;
  constexpr gid_t group = 65533;
  const TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms::all);
  const std::string url = directory / "dataset";
  create(url);
  append_with_id(url, "1", first_id);
  for (const auto& entry : fs::directory_iterator(url)) {
    REQUIRE(::chown(entry.path().c_str(), owner, group) == 0);
    REQUIRE(::chmod(entry.path().c_str(), 0660) == 0);
  }
  REQUIRE(::chown(url.c_str(), owner, group) == 0);
  REQUIRE(::chmod(url.c_str(), 0770) == 0);
  const auto link_all = [&](const std::string& to) {
    for (const char* name : {"a", ".journal", ".writers"})
      fs::create_hard_link(url + "/" + name, directory / (to + name));
  };
  link_all("by-root-");
  append_with_id(url, "2", {first_id.writer, 2});
  fs::remove(url + "/.control");
  CHECK_FALSE(verify(url, {.repair = true}).repairs.empty());
  for (const char* name : {"a", ".journal", ".writers", ".control"}) CHECK(mode_of(url + "/" + name) == 0660);
  link_all("by-another-");
  CHECK(succeeds_as(other, group, [&] { append_with_id(url, "3", {first_id.writer, 3}); }));
  for (const char* name : {"a", ".journal", ".writers"}) {
    CAPTURE(name);
    CHECK(mode_of(url + "/" + name) == 0660);
    CHECK(fs::hard_link_count(url + "/" + name) == 1);
  }
  CHECK(succeeds_as(owner, group, [&] {
    append_with_id(url, "4", {first_id.writer, 4});
    require(get(url, {"a"}).front() == "1234", "the owner goes on");
  }));
  // Without its group others could not use it any more.
  REQUIRE(::chown((url + "/a").c_str(), owner, 0) == 0);
  REQUIRE(::chmod((url + "/a").c_str(), 0666) == 0);
  fs::create_hard_link(url + "/a", directory / "a");
  CHECK(succeeds_as(other, group, [&] { append_with_id(url, "5", {first_id.writer, 5}); }));
  REQUIRE(::chown((url + "/a").c_str(), owner, group) == 0);
  REQUIRE(::chmod((url + "/a").c_str(), 0606) == 0);
  fs::create_hard_link(url + "/a", directory / "another");
  CHECK(succeeds_as(other, 0, [&] {
    try {
      append_with_id(url, "6", {first_id.writer, 6});
    } catch (const IoError&) {
      return;
    }
    require(false, "it is refused");
  }));
  CHECK(get(url, {"a"}).front() == "12345");
}

TEST_CASE("a dataset that was moved is opened though nobody can note where it is now") {
  const TemporaryDirectory directory;
  create(directory / "before");
  put(directory / "before", {{"a", "1"}});
  fs::copy(directory / "before", directory / "after", fs::copy_options::recursive);
  FileLock reader(directory / "after/.lock");  // as if it were another process's
  REQUIRE(reader.lock_until(LockMode::shared, FileLock::Deadline::max()));
  CHECK(open(directory / "after", {.lock_timeout = std::chrono::milliseconds{20}})->get("a") == "1");
  reader.unlock();
  CHECK(get(directory / "after", {"a"}).front() == "1");
  copy_by_links(directory / "after", directory / "copy");
  CHECK(get(directory / "after", {"a"}).front() == "1");
  CHECK_THROWS_AS(static_cast<void>(get(directory / "copy", {"a"})), CorruptionError);
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
        FaultDataset dataset;
        FaultEnv& env = dataset.env();
        {
          const auto store = dataset.open();
          store->append("a", "old");
          store->append("b", "old");
        }
        fs::create_hard_link(dataset.file("a"), dataset.beside("elsewhere"));
        bool returned = true;
        {
          const auto store = dataset.open();
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
        const auto store = dataset.open();
        const std::string value = store->get("a");
        REQUIRE((value == "oldnew" || (!returned && value == "old")));
        REQUIRE(store->get("b") == value);
        REQUIRE(read_file(dataset.beside("elsewhere")) == "old");
        if (!env.sync_failed()) REQUIRE(dataset.verify().problems.empty());
        store->append("a", "more");
        REQUIRE(store->get("a") == value + "more");
        REQUIRE(read_file(dataset.beside("elsewhere")) == "old");
      }
    }
  }
}

}  // namespace
}  // namespace accrete::test
