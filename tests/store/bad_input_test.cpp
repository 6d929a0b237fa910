// What is not a dataset, or was tampered with, is refused with an error that fits, and nothing is lost by it.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <sys/stat.h>

#include "api/datasets.hpp"
#include "base/fields.hpp"
#include "dataset/marker.hpp"
#include "layout/files/control.hpp"
#include "os/env.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

/// A dataset with a value, and a file outside it that nothing may touch.
class Fixture {
 public:
  Fixture() {
    create(url());
    put(url(), {{"a", "value"}});
    write_file(outside(), "untouched");
  }
  ~Fixture() { CHECK(read_file(outside()) == "untouched"); }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  [[nodiscard]] std::string url() const { return directory_ / "dataset"; }
  [[nodiscard]] std::string file(const std::string& name) const { return url() + "/" + name; }
  [[nodiscard]] std::string outside() const { return directory_ / "outside"; }
  [[nodiscard]] std::string beside(const std::string& name) const { return directory_ / name; }

  void replace_by_link(const std::string& name) const {
    fs::remove_all(file(name));
    fs::create_symlink(outside(), file(name));
  }

 private:
  TemporaryDirectory directory_;
};

void refuse_all_changes(Store& store, std::string_view key) {
  CHECK_THROWS_AS(store.append(key, "x"), Error);
  const Entry entry{key, "x"};
  CHECK_THROWS_AS(store.append_batch({&entry, 1}, {.sync = true}), Error);
  CHECK_THROWS_AS(static_cast<void>(store.get(key)), Error);
  CHECK_THROWS_AS(static_cast<void>(store.get_range(key, 0, 1)), Error);
}

TEST_CASE("what is not there is NotFoundError") {
  const TemporaryDirectory directory;
  for (const std::string& url : {directory / "missing", directory / "no/such/parent"}) {
    CHECK_THROWS_AS(static_cast<void>(open(url)), NotFoundError);
    CHECK_THROWS_AS(put(url, {{"a", "1"}}), NotFoundError);
    CHECK_THROWS_AS(static_cast<void>(get(url, {"a"})), NotFoundError);
    CHECK_THROWS_AS(destroy(url), NotFoundError);
    CHECK_THROWS_AS(static_cast<void>(verify(url)), NotFoundError);
    CHECK_THROWS_AS(static_cast<void>(info(url)), NotFoundError);
  }
  CHECK_THROWS_AS(create(directory / "no/such/parent"), IoError);
}

TEST_CASE("a directory or file that is no dataset is refused and left alone") {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "photos");
  write_file(directory / "photos/one", "1");
  write_file(directory / "file", "2");
  for (const std::string& url : {directory / "photos", directory / "file"}) {
    CHECK_THROWS_AS(static_cast<void>(open(url)), NotFoundError);
    CHECK_THROWS_AS(destroy(url), NotFoundError);
    CHECK_THROWS_AS(create(url), ExistsError);
  }
  CHECK(read_file(directory / "photos/one") == "1");
  CHECK(read_file(directory / "file") == "2");
}

TEST_CASE("a URL that is no path is refused") {
  CHECK_THROWS_AS(static_cast<void>(open("")), InvalidArgumentError);
  CHECK_THROWS_AS(static_cast<void>(open(std::string_view("a\0b", 3))), InvalidArgumentError);
  CHECK_THROWS_AS(static_cast<void>(open("redis://host:1")), UnsupportedError);
  CHECK_THROWS_AS(create("tcp://host:1"), UnsupportedError);
  CHECK_THROWS_AS(create("rados://pool/x"), UnsupportedError);
}

TEST_CASE("create refuses what is there, a dataset too, and changes nothing") {
  const Fixture fixture;
  CHECK_THROWS_AS(create(fixture.url()), ExistsError);
  fs::create_directory(fixture.beside("empty"));
  CHECK_THROWS_AS(create(fixture.beside("empty")), ExistsError);
  fs::create_symlink("nowhere", fixture.beside("dangling"));
  CHECK_THROWS_AS(create(fixture.beside("dangling")), ExistsError);
  CHECK(get(fixture.url(), {"a"}).front() == "value");
}

TEST_CASE("destroy refuses a symbolic link to a dataset and a dataset with files of others in it") {
  const Fixture fixture;
  fs::create_directory_symlink(fixture.url(), fixture.beside("link"));
  CHECK_THROWS_AS(destroy(fixture.beside("link")), InvalidArgumentError);
  for (const char* foreign : {"notes~", ".hidden", "directory", "%zz"}) {
    fs::create_directory(fixture.file(foreign));
    CHECK_THROWS_AS(destroy(fixture.url()), InvalidArgumentError);
    fs::remove(fixture.file(foreign));
    write_file(fixture.file(foreign), "foreign");
    if (std::string_view(foreign) == "directory") {
      fs::remove(fixture.file(foreign));  // a file of this name is a key's
      continue;
    }
    CHECK_THROWS_AS(destroy(fixture.url()), InvalidArgumentError);
    CHECK(read_file(fixture.file(foreign)) == "foreign");
    fs::remove(fixture.file(foreign));
  }
  CHECK(get(fixture.url(), {"a"}).front() == "value");
  destroy(fixture.url());
  CHECK_FALSE(fs::exists(fixture.url()));
}

TEST_CASE("an open Store of a dataset that is destroyed says so") {
  const Fixture fixture;
  const std::unique_ptr<Store> store = open(fixture.url());
  destroy(fixture.url());
  CHECK_THROWS_AS(store->append("a", "x"), NotFoundError);
  CHECK_THROWS_AS(static_cast<void>(store->get("a")), NotFoundError);
  CHECK_FALSE(fs::exists(fixture.url()));
  create(fixture.url());
  CHECK_THROWS_AS(store->append("a", "x"), NotFoundError);
  CHECK(get(fixture.url(), {"a"}).front().empty());
}

/// What the Store says of it.
std::string told_of_destroyed(const Store& store) {
  try {
    (void)store.get("a");
  } catch (const NotFoundError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("to destroy a dataset again is advised only where nothing but its rest is there") {
  const Fixture fixture;
  const std::unique_ptr<Store> store = open(fixture.url());
  SUBCASE("the destroy was interrupted") {
    {
      const std::unique_ptr<Directory> directory = posix_env().try_open_directory(fixture.url());
      Control control(*directory, false);
      ControlWords words = control.load().words;
      words.destroyed = true;
      control.set_words(words);
    }
    CHECK(told_of_destroyed(*store).ends_with("its directory is still there: destroy it again to finish"));
    fs::rename(fixture.url(), fixture.beside("moved"));
    CHECK(told_of_destroyed(*store).ends_with("has been destroyed"));
    fs::copy(fixture.beside("moved"), fixture.url());
    CHECK(told_of_destroyed(*store).ends_with("has been destroyed"));
    destroy(fixture.url());
  }
  SUBCASE("it is done") {
    destroy(fixture.url());
    CHECK(told_of_destroyed(*store).ends_with("has been destroyed"));
  }
  create(fixture.url());
  put(fixture.url(), {{"a", "another"}});
  CHECK(told_of_destroyed(*store).ends_with("has been destroyed"));
}

TEST_CASE("a marker of a newer format or an unknown layout or codec is UnsupportedError") {
  const Fixture fixture;
  const Marker marker = decode_marker(read_file(fixture.file(".accrete")), "");
  Marker newer = marker;
  newer.format = newest_format + 1;
  Marker other = marker;
  other.layout = "log";
  std::string coded = encode_marker(marker);
  coded.replace(coded.find("codec none"), 10, "codec lzma");
  coded.erase(coded.find("checksum"));
  for (const std::string& changed : {encode_marker(newer), encode_marker(other), coded + checksum_line(coded)}) {
    write_file(fixture.file(".accrete"), changed);
    CHECK_THROWS_AS(static_cast<void>(open(fixture.url())), UnsupportedError);
    CHECK_THROWS_AS(destroy(fixture.url()), UnsupportedError);
  }
  write_file(fixture.file(".accrete"), encode_marker(marker));
  CHECK(get(fixture.url(), {"a"}).front() == "value");
}

TEST_CASE("a marker cut short anywhere, or with one bit changed, is refused, and verify says so") {
  const Fixture fixture;
  const std::string marker = read_file(fixture.file(".accrete"));
  const auto check_refused = [&](const std::string& damaged) {
    write_file(fixture.file(".accrete"), damaged);
    CHECK_THROWS_AS(static_cast<void>(open(fixture.url())), Error);
  };
  for (std::size_t size = 0; size < marker.size(); ++size) check_refused(marker.substr(0, size));
  for (std::size_t i = 0; i < marker.size(); ++i) {
    std::string damaged = marker;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    check_refused(damaged);
  }
  check_refused(marker + "x");
  check_refused("");
  CHECK_FALSE(verify(fixture.url()).problems.empty());
  write_file(fixture.file(".accrete"), marker);
  CHECK(get(fixture.url(), {"a"}).front() == "value");
  CHECK(verify(fixture.url()).problems.empty());
}

TEST_CASE("a control file that is missing, cut short or overwritten is CorruptionError until it is repaired") {
  for (const std::string damage : {"missing", "empty", "short", "noise"}) {
    CAPTURE(damage);
    const Fixture fixture;
    const std::string control = read_file(fixture.file(".control"));
    if (damage == "missing") fs::remove(fixture.file(".control"));
    if (damage == "empty") write_file(fixture.file(".control"), "");
    if (damage == "short") write_file(fixture.file(".control"), control.substr(0, control.size() / 2));
    if (damage == "noise") write_file(fixture.file(".control"), std::string(control.size(), '\x5A'));
    CHECK_THROWS_AS(static_cast<void>(open(fixture.url())), CorruptionError);
    CHECK_FALSE(verify(fixture.url()).problems.empty());
    CHECK_FALSE(verify(fixture.url(), {.repair = true}).repairs.empty());
    CHECK(verify(fixture.url()).problems.empty());
    const std::unique_ptr<Store> store = open(fixture.url());
    CHECK(store->get("a") == "value");
    CHECK(store->stats().bytes == 5);
  }
}

TEST_CASE("a value planted as a symbolic link is neither read nor written nor removed through") {
  const Fixture fixture;
  fixture.replace_by_link("a");
  const std::unique_ptr<Store> store = open(fixture.url());
  refuse_all_changes(*store, "a");
  CHECK_THROWS_AS(static_cast<void>(store->size("a")), Error);
  store->append("b", "other keys work");
  CHECK(store->get("b") == "other keys work");
  CHECK_FALSE(verify(fixture.url()).problems.empty());
}

TEST_CASE("a directory of a long key planted as a symbolic link leads nowhere") {
  const Fixture fixture;
  const std::string key(500, 'k');
  const std::string component = std::string(239, 'k') + "%";
  fs::create_directory(fixture.beside("elsewhere"));
  fs::create_directory_symlink(fixture.beside("elsewhere"), fixture.file(component));
  const std::unique_ptr<Store> store = open(fixture.url());
  refuse_all_changes(*store, key);
  store->drop();
  CHECK(fs::is_empty(fixture.beside("elsewhere")));
  CHECK(fs::exists(fixture.beside("elsewhere")));
}

TEST_CASE("the dataset's own files planted as symbolic links are refused") {
  for (const char* name : {".lock", ".control", ".accrete", ".journal"}) {
    CAPTURE(name);
    const Fixture fixture;
    fixture.replace_by_link(name);
    CHECK_THROWS_AS(static_cast<void>(open(fixture.url())), Error);
    CHECK(read_file(fixture.outside()) == "untouched");
  }
  const Fixture fixture;
  fixture.replace_by_link(".writers");
  const Entry entry{"a", "x"};
  const std::unique_ptr<Store> store = open(fixture.url());
  CHECK_THROWS_AS(store->append_batch({&entry, 1}, {.sync = true, .id = BatchId{{}, 1}}), Error);
  CHECK(read_file(fixture.outside()) == "untouched");
}

TEST_CASE("a table of writers that is not one is refused, and one whose header was never finished is taken up") {
  const Entry entry{"a", "x"};
  const AppendOptions first{.id = BatchId{{}, 1}};
  const Fixture fixture;
  write_file(fixture.file(".writers"), std::string(64, '!'));
  CHECK_THROWS_AS(open(fixture.url())->append_batch({&entry, 1}, first), CorruptionError);
  CHECK(open(fixture.url())->size("a") == 5);
  for (const std::string& unfinished : {std::string(), std::string("ACCR"), std::string(40, '\0')}) {
    CAPTURE(unfinished.size());
    const Fixture another;
    write_file(another.file(".writers"), unfinished);
    for (int i = 0; i < 2; ++i) open(another.url())->append_batch({&entry, 1}, first);
    CHECK(open(another.url())->size("a") == 6);
    CHECK(open(another.url())->last_sequence({}) == 1);
  }
}

TEST_CASE("a named pipe planted as a value stops nobody") {
  const Fixture fixture;
  fs::remove(fixture.file("a"));
  REQUIRE(::mkfifo(fixture.file("a").c_str(), 0600) == 0);
  const std::unique_ptr<Store> store = open(fixture.url());
  refuse_all_changes(*store, "a");
  store->append("b", "1");
  CHECK(store->get("b") == "1");
  CHECK_FALSE(verify(fixture.url()).problems.empty());
}

TEST_CASE("files and directories that are no key's are not listed, and drop leaves them alone") {
  const Fixture fixture;
  write_file(fixture.file("not~plain"), "foreign");
  fs::create_directory(fixture.file("directory"));
  write_file(fixture.file("directory/inside"), "foreign");
  const std::unique_ptr<Store> store = open(fixture.url());
  CHECK(store->list() == std::vector<KeySize>{{"a", 5}});
  CHECK(verify(fixture.url()).problems.size() == 2);
  store->drop();
  CHECK(store->list().empty());
  CHECK(read_file(fixture.file("not~plain")) == "foreign");
  CHECK(read_file(fixture.file("directory/inside")) == "foreign");
}

}  // namespace
}  // namespace accrete::test
