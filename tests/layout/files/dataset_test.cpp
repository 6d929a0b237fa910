// The four functions, adopting, temporary datasets, and what verify finds and mends.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <optional>
#include <unistd.h>

#include "api/datasets.hpp"
#include "layout/files/control.hpp"
#include "support/child.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/model.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("the four functions do what the first example says") {
  const TemporaryDirectory directory;
  const std::string url = directory / "events";
  create(url);
  put(url, {{"x", "Hello "}, {"y", "123"}});
  put(url, {{"x", "world!"}, {"y", "456"}});
  CHECK(get(url, {"y", "x"}) == std::vector<std::string>{"123456", "Hello world!"});
  CHECK(read_file(url + "/x") == "Hello world!");
  destroy(url);
  CHECK_FALSE(fs::exists(url));
  CHECK(fs::is_empty(directory.path()));
}

TEST_CASE("a dataset is what its path says, with slashes at the end, as a relative path and moved") {
  const TemporaryDirectory directory;
  create(directory / "one//");
  put(directory / "one/", {{"a", "1"}});
  fs::rename(directory / "one", directory / "two");
  CHECK(get(directory / "two", {"a"}).front() == "1");
  const std::string uuid = info(directory / "two").uuid;
  CHECK(uuid.size() == 36);
  CHECK(info(directory / "two").layout == "files");
  CHECK(succeeds(start_child([&] {
    require(::chdir(directory.path().c_str()) == 0, "the directory is there");
    create("relative");
    put("./relative", {{"a", "2"}});
    require(get("relative", {"a"}).front() == "2", "a relative path works");
    destroy("relative/");
  })));
  CHECK_FALSE(fs::exists(directory / "relative"));
  destroy(directory / "two/");
  CHECK(fs::is_empty(directory.path()));
}

TEST_CASE("a directory of raw values is adopted with every byte") {
  const TemporaryDirectory directory;
  const std::string url = directory / "left-by-partd";
  fs::create_directory(url);
  write_file(url + "/x", "123");
  write_file(url + "/a key", "");
  write_file(url + "/.lock", "");
  create(url, {.adopt = true});
  const std::unique_ptr<Store> store = open(url);
  CHECK(store->list() == std::vector<KeySize>{{"a key", 0}, {"x", 3}});
  CHECK(store->stats().bytes == 3);
  store->append("x", "4");
  CHECK(read_file(url + "/x") == "1234");
  CHECK(verify(url).problems.empty());
  CHECK_THROWS_AS(create(url, {.adopt = true}), ExistsError);
}

TEST_CASE("a directory with a name that is no key's is not adopted, and nothing in it changes") {
  const TemporaryDirectory directory;
  for (const char* foreign : {"a:b", "%2f", "sub"}) {
    CAPTURE(foreign);
    const std::string url = directory / ("dir-" + std::string(1, foreign[0]));
    fs::create_directory(url);
    write_file(url + "/x", "123");
    if (std::string_view(foreign) == "sub") {
      fs::create_directory(url + "/sub");
    } else {
      write_file(url + "/" + foreign, "foreign");
    }
    CHECK_THROWS_AS(create(url, {.adopt = true}), InvalidKeyError);
    CHECK_FALSE(fs::exists(url + "/.accrete"));
    CHECK(std::distance(fs::directory_iterator(url), {}) == 2);
  }
  CHECK_THROWS_AS(create(directory / "missing", {.adopt = true}), NotFoundError);
}

TEST_CASE("a temporary dataset goes with its object, and is moved with it") {
  const TemporaryDirectory directory;
  {
    TemporaryDataset first = create_temporary(directory.path());
    const std::string url = first.url();
    put(url, {{"a", "1"}, {std::string(500, 'k'), "2"}});
    const TemporaryDataset second = std::move(first);
    CHECK(second.url() == url);
    CHECK(get(url, {"a"}).front() == "1");
  }
  CHECK(fs::is_empty(directory.path()));
}

TEST_CASE("a temporary dataset is removed by no forked child, and works in it") {
  const TemporaryDirectory directory;
  std::optional<TemporaryDataset> dataset = create_temporary(directory.path());
  CHECK(succeeds(start_child([&] {
    put(dataset->url(), {{"a", "1"}});
    dataset.reset();
  })));
  CHECK(get(dataset->url(), {"a"}).front() == "1");
  dataset.reset();
  CHECK(fs::is_empty(directory.path()));
}

TEST_CASE("sweep removes the temporary datasets whose owner is dead, and nothing else") {
  const TemporaryDirectory directory;
  const TemporaryDataset alive = create_temporary(directory.path());
  create(directory / "kept");
  fs::create_directory(directory / "foreign");
  write_file(directory / "foreign/.owner", "");
  CHECK(succeeds(start_child([&] {
    const TemporaryDataset dead = create_temporary(directory.path());
    put(dead.url(), {{"a", "1"}});
    ::_exit(0);
  })));
  CHECK(sweep(directory.path()).size() == 1);
  CHECK(sweep(directory.path()).empty());
  CHECK(fs::exists(alive.url()));
  CHECK(fs::exists(directory / "kept"));
  CHECK(fs::exists(directory / "foreign/.owner"));
  CHECK_THROWS_AS(static_cast<void>(sweep(directory / "missing")), NotFoundError);
}

TEST_CASE("sweep leaves the temporary dataset of a living process alone, also when a child of it has died") {
  const TemporaryDirectory directory;
  const TemporaryDataset dataset = create_temporary(directory.path());
  CHECK(succeeds(start_child([&] { put(dataset.url(), {{"a", "1"}}); })));
  CHECK(succeeds(start_child([&] { require(sweep(directory.path()).empty(), "the owner lives"); })));
  CHECK(sweep(directory.path()).empty());
  CHECK(get(dataset.url(), {"a"}).front() == "1");
}

TEST_CASE("verify finds a value that grew behind accrete's back, and repairs only the totals") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  create(url);
  put(url, {{"a", "1"}, {"b", "2"}});
  write_file(url + "/a", "12345");
  write_file(url + "/c", "new");
  const VerifyReport found = verify(url);
  CHECK(found.problems.size() == 1);
  CHECK(found.repairs.empty());
  CHECK(found.counted.keys == 3);
  CHECK(found.counted.bytes == 9);
  CHECK(verify(url).problems.size() == 1);
  CHECK(verify(url, {.repair = true}).repairs.size() == 1);
  CHECK(verify(url).problems.empty());
  CHECK(open(url)->stats().bytes == 9);
  CHECK(get(url, {"a"}).front() == "12345");
}

/// A dataset whose writer died in a change: at the last operation that leaves something to recover.
class HalfDone {
 public:
  explicit HalfDone(const std::function<void(Store&)>& call) {
    for (std::uint64_t n = 1; n < 100; ++n) {
      const std::string url = directory_ / std::to_string(n);
      create_dataset(env_, url, {});
      std::unique_ptr<Store> store = open_dataset(env_, url, {});
      const std::vector<Entry> entries = {{"a", "old"}, {"b", "old"}};
      store->append_batch(entries);
      env_.fail_at(n, {.how = Fault::How::for_good});
      bool failed = false;
      try {
        call(*store);
      } catch (const Error&) {
        failed = true;
      }
      store.reset();
      env_.heal();
      if (failed && !verify(url).problems.empty()) url_ = url;
    }
    REQUIRE_FALSE(url_.empty());
  }
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  TemporaryDirectory directory_{memory_directory()};
  FaultEnv env_{posix_env(), FaultEnv::Syncs::counted};
  std::string url_;
};

std::vector<std::string> files_of(const std::string& url) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(url)) {
    files.push_back(entry.path().filename().string() + "=" + read_file(entry.path()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST_CASE("verify tells of a batch whose writer died and changes nothing; repair rolls it back") {
  const HalfDone half_done([](Store& store) {
    const std::vector<Entry> entries = {{"a", "new"}, {"c", "new"}};
    store.append_batch(entries);
  });
  const std::string& url = half_done.url();
  const std::vector<std::string> before = files_of(url);
  const std::vector<std::string> problems = verify(url).problems;
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().find("rolled back") != std::string::npos);
  CHECK(files_of(url) == before);
  CHECK(verify(url, {.repair = true}).repairs.size() == 1);
  CHECK(verify(url).problems.empty());
  CHECK(get(url, {"a", "b", "c"}) == std::vector<std::string>{"old", "old", ""});
  CHECK_FALSE(fs::exists(url + "/c"));
}

TEST_CASE("repair completes an erase whose writer died") {
  const HalfDone half_done([](Store& store) { store.erase("a"); });
  CHECK(verify(half_done.url(), {.repair = true}).repairs.size() == 1);
  CHECK(verify(half_done.url()).problems.empty());
  CHECK(open(half_done.url())->list() == std::vector<KeySize>{{"b", 3}});
}

TEST_CASE("an intent that was tampered with is CorruptionError, and repair says what may stand") {
  const HalfDone half_done([](Store& store) {
    const std::vector<Entry> entries = {{"a", "new"}, {"c", "new"}};
    store.append_batch(entries);
  });
  const std::string& url = half_done.url();
  std::string control = read_file(url + "/.control");
  constexpr std::size_t intent_offset = Control::header_size;
  control[intent_offset + 3] = static_cast<char>(control[intent_offset + 3] ^ 4);
  write_file(url + "/.control", control);
  CHECK_THROWS_AS(static_cast<void>(open(url)), CorruptionError);
  CHECK(verify(url).problems.size() == 1);
  CHECK(verify(url, {.repair = true}).repairs.size() == 1);
  CHECK(verify(url).problems.empty());
  const std::unique_ptr<Store> store = open(url);
  CHECK(store->get("a").starts_with("old"));
  CHECK(store->get("b") == "old");
}

}  // namespace
}  // namespace accrete::test
