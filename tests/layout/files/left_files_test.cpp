// What is left of a dataset whose own files are damaged, emptied or gone is kept, or it is an error; it is never lost
// or doubled without a word.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>

#include "api/datasets.hpp"
#include "layout/files/control.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/model.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

const AppendOptions with_id{.id = BatchId{writer_id(1), 7}};

/// A dataset whose buffer was killed: "a" is below and in the journal in part, "b" only in the journal.
class Left {
 public:
  Left() {
    const std::string living = directory_ / "living";
    create(living);
    const Entry entry{"a", "id;"};
    open(living)->append_batch({&entry, 1}, with_id);
    open(living)->append_batch({&entry, 1}, {.sync = true});
    const std::unique_ptr<Store> store = open(living, {.buffer = BufferOptions{}});
    store->append("a", "flushed;");
    store->flush();
    store->append("a", "journal;");
    store->append("b", "journal;");
    fs::copy(living, path(), fs::copy_options::recursive);
  }

  [[nodiscard]] std::string path() const { return directory_ / "killed"; }
  [[nodiscard]] std::string file(const std::string& name) const { return path() + "/" + name; }

 private:
  TemporaryDirectory directory_;
};

const std::string whole_a = "id;id;flushed;journal;";

void check_whole(const std::string& path) {
  CHECK(open(path)->get("a") == whole_a);
  CHECK(open(path)->get("b") == "journal;");
  CHECK(verify(path).problems.empty());
}

TEST_CASE("adopting a dataset whose marker is gone hands its journal down once, and remembers its writers") {
  const Left left;
  fs::remove(left.file(".accrete"));
  SUBCASE("and nothing else") {}
  SUBCASE("and its control file, too") { fs::remove(left.file(".control")); }
  create(left.path(), {.adopt = true});
  check_whole(left.path());
  const Entry entry{"a", "again;"};
  open(left.path())->append_batch({&entry, 1}, with_id);
  CHECK(open(left.path())->get("a") == whole_a);
  CHECK_FALSE(fs::exists(left.file(".buffer-0")));
}

TEST_CASE("adopting refuses a journal that does not fit the values, and says what to do") {
  const Left left;
  fs::remove(left.file(".accrete"));
  write_file(left.file("a"), "other");
  CHECK_THROWS_WITH_AS(create(left.path(), {.adopt = true}),
                       doctest::Contains("move .buffer-0, .buffer-1, .control and .journal away"), CorruptionError);
  CHECK(read_file(left.file("a")) == "other");
  for (const char* const name : {".buffer-0", ".buffer-1", ".control", ".journal"}) {
    fs::rename(left.file(name), left.path() + "-" + name);
  }
  create(left.path(), {.adopt = true});
  CHECK(open(left.path())->get("a") == "other");
}

TEST_CASE("a journal, a table of writers or a control file that is gone or emptied loses no append without a word") {
  for (const char* const name : {".journal", ".writers", ".control", ".buffer-0", ".buffer-1"}) {
    for (const bool is_emptied : {true, false}) {
      CAPTURE(name);
      CAPTURE(is_emptied);
      const Left left;
      if (is_emptied) write_file(left.file(name), "");
      if (!is_emptied) fs::remove(left.file(name));
      bool is_told = !verify(left.path()).problems.empty();
      try {
        is_told = open(left.path())->get("a") == whole_a && open(left.path())->get("b") == "journal;";
      } catch (const CorruptionError&) {
        const VerifyReport repaired = verify(left.path(), {.repair = true});
        is_told = is_told && !repaired.repairs.empty();
        CHECK(open(left.path())->get("a").starts_with("id;id;flushed;"));
      }
      CHECK(is_told);
      static_cast<void>(verify(left.path(), {.repair = true}));
      CHECK(verify(left.path()).problems.empty());
    }
  }
}

TEST_CASE("what a disk has lost while the system went on is in the journal, and replayed") {
  for (const bool had_journal : {false, true}) {
    for (const bool repairs : {false, true}) {
      CAPTURE(had_journal);
      CAPTURE(repairs);
      const TemporaryDirectory directory;
      const std::string url = directory / "events";
      create(url);
      if (had_journal) put(url, {{"a", "1"}}, {.sync = true});
      const std::string control = read_file(url + "/.control");
      put(url, {{"a", "2"}, {"b", "3"}}, {.sync = true});
      const std::string whole = get(url, {"a"}).front();
      write_file(url + "/.control", control);
      write_file(url + "/a", "");
      fs::remove(url + "/b");
      REQUIRE_FALSE(verify(url).problems.empty());
      if (repairs) REQUIRE_FALSE(verify(url, {.repair = true}).repairs.empty());
      REQUIRE(get(url, {"a", "b"}) == std::vector<std::string>{whole, "3"});
      REQUIRE(verify(url).problems.empty());
      REQUIRE(open(url)->stats().keys == 2);
    }
  }
}

TEST_CASE("a journal of a buffer that is gone in whole is an error until a repair has said so") {
  const Left left;
  for (const char* const name : {".buffer-0", ".buffer-1"}) fs::remove(left.file(name));
  SUBCASE("to who opens it") {
    CHECK_THROWS_AS((void)open(left.path()), CorruptionError);
    CHECK_THROWS_AS((void)open(left.path(), {.buffer = BufferOptions{}}), CorruptionError);
    CHECK_THROWS_AS((void)get(left.path(), {"a"}), CorruptionError);
    CHECK_FALSE(verify(left.path()).problems.empty());
    CHECK_FALSE(verify(left.path(), {.repair = true}).repairs.empty());
  }
  SUBCASE("to who adopts it") {
    fs::remove(left.file(".accrete"));
    CHECK_THROWS_AS(create(left.path(), {.adopt = true}), CorruptionError);
    fs::remove(left.file(".control"));
    create(left.path(), {.adopt = true});
  }
  CHECK(open(left.path())->get("a") == "id;id;flushed;");
  CHECK(verify(left.path()).problems.empty());
}

TEST_CASE("a journal of a buffer that the control file does not know of is handed down") {
  const Left left;
  const std::unique_ptr<Directory> directory = posix_env().try_open_directory(left.path());
  {
    Control control(*directory, false);
    ControlWords words = control.load().words;
    REQUIRE(words.layered);
    words.layered = false;
    control.set_words(words);
  }
  const std::vector<std::string> problems = verify(left.path()).problems;
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().find("may have left appends in its journal") != std::string::npos);
  SUBCASE("by who opens it") {}
  SUBCASE("by a buffer") { open(left.path(), {.buffer = BufferOptions{}})->flush(); }
  SUBCASE("by a repair") { CHECK_FALSE(verify(left.path(), {.repair = true}).repairs.empty()); }
  SUBCASE("by who adopts it") {
    fs::remove(left.file(".accrete"));
    create(left.path(), {.adopt = true});
  }
  check_whole(left.path());
}

TEST_CASE("a repair that makes the control file anew writes all files again, since a sync may have failed") {
  const TemporaryDirectory directory;
  FaultEnv env(posix_env());
  const std::string url = directory / "dataset";
  create_dataset(env, url, {});
  open_dataset(env, url, {})->append("a", "1");
  const auto inode = [&] { return posix_env().try_open_directory(url)->info("a")->inode; };
  const std::uint64_t before = inode();
  write_file(url + "/.control", "damaged");
  SUBCASE("in whole") {
    CHECK_FALSE(verify_dataset(env, url, {.repair = true}).repairs.empty());
    CHECK(inode() != before);
    open_dataset(env, url, {})->sync();
  }
  SUBCASE("and if it cannot, no sync counts") {
    bool refused = true;
    int not_synced = 0;
    for (std::uint64_t n = 1; refused; ++n) {
      CAPTURE(n);
      write_file(url + "/.control", "damaged");
      const std::uint64_t damaged = inode();
      env.fail_at(n, {.how = Fault::How::for_good});
      try {
        static_cast<void>(verify_dataset(env, url, {.repair = true}));
      } catch (const Error&) {
      }
      refused = env.fired();
      env.heal();
      try {
        open_dataset(env, url, {})->sync();
        CHECK(inode() != damaged);
      } catch (const Error&) {
        ++not_synced;
      }
    }
    CHECK(not_synced > 0);
  }
}

TEST_CASE("a control file that is made anew by a repair has the buffer's journal handed down") {
  const Left left;
  fs::remove(left.file(".control"));
  CHECK_THROWS_AS((void)open(left.path()), CorruptionError);
  CHECK_FALSE(verify(left.path(), {.repair = true}).repairs.empty());
  check_whole(left.path());
}

}  // namespace
}  // namespace accrete::test
