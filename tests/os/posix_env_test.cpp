// Tests of os/posix_env.cpp: what the system does, and what is refused of it.
#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "os/env.hpp"
#include "support/child.hpp"
#include "support/file_bytes.hpp"
#include "support/random_bytes.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

class Fixture {
 public:
  Fixture() : directory_(posix_env().try_open_directory(temporary_.path())) {}
  [[nodiscard]] Directory& directory() { return *directory_; }
  [[nodiscard]] std::string path(const std::string& name) const { return temporary_ / name; }
  std::string read(File& file) const {
    std::string bytes(file.size() + 10, '\0');
    bytes.resize(file.read_at(0, bytes));
    return bytes;
  }

 private:
  TemporaryDirectory temporary_;
  std::unique_ptr<Directory> directory_;
};

int error_number(const std::function<void()>& call) {
  try {
    call();
  } catch (const IoError& error) {
    return error.code().value();
  }
  return 0;
}

TEST_CASE("append writes any number of pieces, empty ones among them, at the end") {
  Fixture fixture;
  const std::unique_ptr<File> file = fixture.directory().open("x", OpenMode::create_append);
  std::vector<std::string> bytes;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    bytes.push_back(i % 3 == 0 ? "" : std::to_string(i));
    expected += bytes.back();
  }
  const std::vector<std::string_view> pieces(bytes.begin(), bytes.end());
  file->append(pieces);
  file->append({});
  file->append(pieces);
  CHECK(fixture.read(*file) == expected + expected);
  CHECK(file->size() == 2 * expected.size());
}

TEST_CASE("what is larger than one call of the system is appended and read whole") {
  Fixture fixture;
  const std::unique_ptr<File> file = fixture.directory().open("x", OpenMode::create_append);
  Random random(7);
  const std::string large = random_bytes(random, (std::size_t{70} << 20) + 3);
  const std::string_view all = large;
  file->append(std::array<std::string_view, 5>{all.substr(0, 10), all, "", all.substr(0, 1 << 20), all});
  CHECK((fixture.read(*file) == large.substr(0, 10) + large + large.substr(0, 1 << 20) + large));
}

TEST_CASE("read_at returns what there is before the end") {
  Fixture fixture;
  const std::unique_ptr<File> file = fixture.directory().open("x", OpenMode::create);
  file->write_at(0, "0123456789");
  std::string to(4, '.');
  CHECK(file->read_at(8, to) == 2);
  CHECK(to == "89..");
  CHECK(file->read_at(10, to) == 0);
  CHECK(file->read_at(~std::uint64_t{0}, to) == 0);
  file->truncate(3);
  CHECK(fixture.read(*file) == "012");
}

TEST_CASE("open modes refuse what they should") {
  Fixture fixture;
  CHECK_FALSE(fixture.directory().try_open("missing", OpenMode::read));
  CHECK_FALSE(fixture.directory().try_open("no/such/directory", OpenMode::read));
  CHECK(error_number([&] { static_cast<void>(fixture.directory().open("missing", OpenMode::write)); }) == ENOENT);
  static_cast<void>(fixture.directory().open("x", OpenMode::create));
  CHECK(error_number([&] { static_cast<void>(fixture.directory().open("x", OpenMode::create)); }) == EEXIST);
  CHECK(error_number([&] { static_cast<void>(fixture.directory().open("x", OpenMode::create_append)); }) == EEXIST);
}

TEST_CASE("no symbolic link is followed, neither as a file nor on the way to one") {
  Fixture fixture;
  Directory& directory = fixture.directory();
  write_file(fixture.path("target"), "untouched");
  std::filesystem::create_directory(fixture.path("real%"));
  write_file(fixture.path("real%/x"), "untouched");
  std::filesystem::create_symlink("target", fixture.path("link"));
  std::filesystem::create_symlink("nowhere", fixture.path("dangling"));
  std::filesystem::create_symlink("real%", fixture.path("way%"));
  for (const char* name : {"link", "dangling", "way%/x", "way%/new"}) {
    for (const OpenMode mode : {OpenMode::read, OpenMode::write, OpenMode::append}) {
      CHECK_THROWS_AS(static_cast<void>(directory.open(name, mode)), Error);
      CHECK_THROWS_AS(static_cast<void>(directory.try_open(name, mode)), Error);
    }
    CHECK_THROWS_AS(static_cast<void>(directory.open(name, OpenMode::create)), Error);
    CHECK_THROWS_AS(static_cast<void>(directory.open(name, OpenMode::create_append)), Error);
  }
  CHECK_THROWS_AS(static_cast<void>(directory.info("way%/x")), Error);
  CHECK_THROWS_AS(static_cast<void>(directory.entries("way%")), Error);
  CHECK_THROWS_AS(directory.remove("way%/x"), Error);
  CHECK_THROWS_AS(directory.make_directory("way%/new"), Error);
  CHECK(directory.info("link")->type == FileType::symlink);
  directory.remove("link");
  CHECK_FALSE(directory.info("link").has_value());
  CHECK(read_file(fixture.path("target")) == "untouched");
  CHECK(std::filesystem::exists(fixture.path("real%/x")));
  CHECK_FALSE(std::filesystem::exists(fixture.path("nowhere")));
}

TEST_CASE("a named pipe and a directory are refused at once where a file should be") {
  Fixture fixture;
  REQUIRE(::mkfifo(fixture.path("pipe").c_str(), 0600) == 0);
  std::filesystem::create_directory(fixture.path("directory"));
  for (const char* name : {"pipe", "directory"}) {
    for (const OpenMode mode : {OpenMode::read, OpenMode::write, OpenMode::append}) {
      CHECK_THROWS_AS(static_cast<void>(fixture.directory().open(name, mode)), CorruptionError);
    }
  }
  CHECK(fixture.directory().info("pipe")->type == FileType::other);
  CHECK(fixture.directory().info("directory")->type == FileType::directory);
}

TEST_CASE("entries tells all names with their types") {
  Fixture fixture;
  write_file(fixture.path("file"), "x");
  std::filesystem::create_directory(fixture.path("directory"));
  std::filesystem::create_symlink("file", fixture.path("link"));
  std::vector<std::pair<std::string, FileType>> found;
  for (const DirectoryEntry& entry : fixture.directory().entries("")) found.emplace_back(entry.name, entry.type);
  std::sort(found.begin(), found.end());
  const std::vector<std::pair<std::string, FileType>> expected = {
      {"directory", FileType::directory}, {"file", FileType::regular}, {"link", FileType::symlink}};
  CHECK((found == expected));
}

TEST_CASE("a directory is renamed only to where there is nothing, and removed only if it is empty") {
  Fixture fixture;
  std::filesystem::create_directory(fixture.path("a"));
  std::filesystem::create_directory(fixture.path("b"));
  write_file(fixture.path("file"), "x");
  CHECK_FALSE(posix_env().try_rename_directory(fixture.path("a"), fixture.path("b")));
  CHECK_FALSE(posix_env().try_rename_directory(fixture.path("a"), fixture.path("file")));
  CHECK(posix_env().try_rename_directory(fixture.path("a"), fixture.path("c")));
  write_file(fixture.path("c/x"), "x");
  CHECK_FALSE(fixture.directory().try_remove_directory("c"));
  CHECK(fixture.directory().try_remove_directory("b"));
  CHECK(error_number([&] { posix_env().remove_directory(fixture.path("c")); }) == ENOTEMPTY);
}

TEST_CASE("a write that meets the file-size limit half way is an error that says so") {
  Fixture fixture;
  CHECK(succeeds(start_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 10'000, .rlim_max = 10'000};
    require(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "the limit can be set");
    require(posix_env().file_size_limit() == 10'000, "the limit is known");
    const std::unique_ptr<File> file = fixture.directory().open("x", OpenMode::create_append);
    const std::string bytes(6'000, 'b');
    const std::vector<std::string_view> pieces = {bytes, bytes};
    require(error_number([&] { file->append(pieces); }) == EFBIG, "the rest does not fit");
    require(file->size() == 10'000, "a part was written");
  })));
}

TEST_CASE("a storm of signals changes nothing") {
  Fixture fixture;
  CHECK(succeeds(start_child([&] {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGALRM, &action, nullptr);
    constexpr itimerval every{.it_interval = {.tv_sec = 0, .tv_usec = 50}, .it_value = {.tv_sec = 0, .tv_usec = 50}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
    Random random(11);
    const std::string bytes = random_bytes(random, 3'000'000);
    const std::vector<std::string_view> pieces = {bytes, "x", bytes};
    const std::unique_ptr<File> file = fixture.directory().open("x", OpenMode::create_append);
    for (int i = 0; i < 5; ++i) {
      file->append(pieces);
      file->sync();
      fixture.directory().sync();
    }
    std::string back(bytes.size(), '\0');
    require(file->size() == 5 * (2 * bytes.size() + 1), "everything was written");
    require(file->read_at(bytes.size() + 1, back) == back.size() && back == bytes, "it is read back");
  })));
}

}  // namespace
}  // namespace accrete::test
