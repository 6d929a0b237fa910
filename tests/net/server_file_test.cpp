// `.server`: what is written is read, and what is damaged is told from what is not there.
#include "net/server_file.hpp"

#include <accrete/accrete.hpp>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>

#include "api/layouts.hpp"
#include "layout/files/control.hpp"
#include "net/curve.hpp"
#include "net/find_server.hpp"
#include "os/file_lock.hpp"
#include "support/crash_env.hpp"
#include "support/file_bytes.hpp"
#include "support/random_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

ServerFile sample() {
  ServerFile file{
      .process = 4711,
      .endpoints = {{.address = "ipc:///data/a b\n\\c/.socket"},
                    {.address = "tcp://192.0.2.1:5555", .public_key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"}}};
  for (std::size_t i = 0; i < file.incarnation.size(); ++i) file.incarnation[i] = std::byte(i);
  return file;
}

TEST_CASE("what is written today is what the golden file holds") {
  const std::string golden = std::string(std::getenv("GOLDEN")) + "/server";
  if (std::getenv("WRITE_GOLDEN")) write_file(golden, encode_server_file(sample()));
  CHECK(encode_server_file(sample()) == read_file(golden));
  CHECK(decode_server_file(read_file(golden), golden) == sample());
}

TEST_CASE("a file cut anywhere is damaged") {
  const std::string whole = encode_server_file(sample());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS((void)decode_server_file(std::string_view(whole).substr(0, size), "f"), CorruptionError);
  }
}

TEST_CASE("a file with any byte changed is damaged, or of another format") {
  const std::string whole = encode_server_file(sample());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CAPTURE(i);
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    try {
      (void)decode_server_file(changed, "f");
      CHECK_MESSAGE(false, "it was taken");
    } catch (const CorruptionError&) {
    } catch (const UnsupportedError&) {
    }
  }
}

TEST_CASE("a file of a newer format says so") {
  CHECK_THROWS_WITH_AS((void)decode_server_file("accrete server\nformat 2\n", "f"),
                       "the server of 'f' wrote its file in the format '2', and this version of accrete reads '1'; use "
                       "the server's version",
                       UnsupportedError);
}

TEST_CASE("a file is saved over an old one and over what an interrupted save left, and removed with the socket") {
  const TemporaryDirectory directory;
  const std::unique_ptr<Directory> dataset = posix_env().try_open_directory(directory.path());
  CHECK_FALSE(try_load_server_file(*dataset));
  write_file(directory / ".server", "old");
  write_file(directory / ".server-new", "interrupted");
  write_file(directory / ".socket", "");
  save_server_file(*dataset, sample());
  CHECK(try_load_server_file(*dataset) == sample());
  remove_server_file(*dataset);
  CHECK_FALSE(try_load_server_file(*dataset));
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("a file is saved over directories and links of its names, but not over somebody's files") {
  const TemporaryDirectory directory;
  const std::unique_ptr<Directory> dataset = posix_env().try_open_directory(directory.path());
  std::filesystem::create_directory(directory / ".server");
  std::filesystem::create_directory(directory / ".server-new");
  std::filesystem::create_symlink("elsewhere", directory / ".socket");
  make_way_for_socket(*dataset);
  CHECK_FALSE(std::filesystem::is_symlink(directory / ".socket"));
  save_server_file(*dataset, sample());
  CHECK(try_load_server_file(*dataset) == sample());
  remove_server_file(*dataset);
  std::filesystem::create_directories(directory / ".server/somebody's");
  CHECK_THROWS_AS(save_server_file(*dataset, sample()), ExistsError);
  CHECK(std::filesystem::exists(directory / ".server/somebody's"));
}

TEST_CASE("a file that was saved survives power loss") {
  const TemporaryDirectory directory;
  for (Random random(1); random() % 32 != 0;) {
    CrashEnv env(posix_env(), directory.path());
    {
      const std::unique_ptr<Directory> dataset = env.try_open_directory(directory.path());
      save_server_file(*dataset, sample());
    }
    env.lose_power(random);
    CHECK(try_load_server_file(*posix_env().try_open_directory(directory.path())) == sample());
  }
}

TEST_CASE("only the lock and the dataset's owner say whether a server runs, never a file that is left") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  create(url);
  const std::unique_ptr<Directory> dataset = posix_env().try_open_directory(url);
  Control control(*dataset, false);
  FileLock lock(url + "/.lock");  // as if it were another process's
  for (const std::string& text : {std::string("damaged"), std::string(), encode_server_file(sample())}) {
    write_file(url + "/.server", text);
    CHECK_FALSE(find_server(*dataset, *layouts().front()));
    REQUIRE(lock.lock_until(LockMode::exclusive, FileLock::Deadline::max()));
    CHECK_FALSE(find_server(*dataset, *layouts().front()));  // who appends has the lock for a moment
    lock.unlock();
  }
  REQUIRE(lock.lock_until(LockMode::exclusive, FileLock::Deadline::max()));
  control.set_owner({.number = static_cast<std::uint64_t>(sample().process), .pid_namespace = 1});
  CHECK(find_server(*dataset, *layouts().front()) == sample());
  control.set_owner({.number = static_cast<std::uint64_t>(sample().process) + 1, .pid_namespace = 1});
  CHECK_FALSE(find_server(*dataset, *layouts().front()));
  write_file(url + "/.server", "damaged");
  CHECK_THROWS_AS((void)find_server(*dataset, *layouts().front()), CorruptionError);
  lock.unlock();
  CHECK_FALSE(find_server(*dataset, *layouts().front()));
}

TEST_CASE("a dataset's socket has an endpoint where its path is short enough") {
  CHECK(socket_endpoint("/data") == "ipc:///data/.socket");
  CHECK(socket_endpoint("/" + std::string(98, 'd')));
  CHECK_FALSE(socket_endpoint("/" + std::string(99, 'd')));
}

TEST_CASE("keys that are made are read back") {
  const TemporaryDirectory directory;
  const KeyPair keys = make_key_pair();
  save_key_pair(keys, directory / "key");
  CHECK(read_key_pair(directory / "key").secret_key == keys.secret_key);
  CHECK(read_public_key(directory / "key.pub") == keys.public_key);
  const std::vector<std::string> allowed = load_allowed_keys(directory / "key.pub");
  CHECK(allowed == std::vector{keys.public_key});
  CHECK_THROWS_AS(save_key_pair(keys, directory / "key"), ExistsError);
}

TEST_CASE("a secret key that other users may read or change is refused, however it is named") {
  const TemporaryDirectory directory;
  const std::string path = directory / "key";
  save_key_pair(make_key_pair(), path);
  std::filesystem::create_symlink(path, directory / "link");
  using std::filesystem::perms;
  for (const perms more : {perms::group_read, perms::others_read, perms::group_write}) {
    std::filesystem::permissions(path, perms::owner_read | perms::owner_write | more);
    CHECK_THROWS_WITH_AS((void)read_key_pair(directory / "link"), doctest::Contains("chmod 600"), InvalidArgumentError);
  }
  std::filesystem::permissions(path, perms::owner_read);
  CHECK_NOTHROW((void)read_key_pair(directory / "link"));
}

TEST_CASE("what holds no key, or cannot be read, is refused with its cause") {
  const TemporaryDirectory directory;
  const KeyPair keys = make_key_pair();
  save_key_pair(keys, directory / "key");
  CHECK_THROWS_WITH_AS((void)read_key_pair(directory / "none"), doctest::Contains("No such file"), IoError);
  CHECK_THROWS_WITH_AS((void)read_public_key(directory / "none"), doctest::Contains("No such file"), IoError);
  CHECK_THROWS_WITH_AS((void)read_key_pair(directory.path()), doctest::Contains("Is a directory"), IoError);
  CHECK_THROWS_WITH_AS((void)read_public_key(directory / "key"), doctest::Contains(".pub"), InvalidArgumentError);
  CHECK_THROWS_AS((void)read_key_pair("/dev/null"), InvalidArgumentError);
  CHECK_THROWS_WITH_AS((void)read_public_key("/dev/null"), doctest::Contains("0 keys"), InvalidArgumentError);
  CHECK_THROWS_AS((void)read_public_key("/dev/zero"), InvalidArgumentError);
  write_file(directory / "two.pub", keys.public_key + "\n" + keys.public_key + "\n");
  CHECK_THROWS_WITH_AS((void)read_public_key(directory / "two.pub"), doctest::Contains("2 keys"), InvalidArgumentError);
}

TEST_CASE("a list of keys has comments, and a bad line is named") {
  const std::string key = make_key_pair().public_key;
  CHECK(decode_allowed_file("# of Ann\n\n  " + key + " # at work\r\n#\n" + key, "f") == std::vector{key, key});
  // What is left of a key must not begin with '#': it would be a comment.
  for (const std::string& bad : {"x" + key.substr(2), "x" + key}) {
    CHECK_THROWS_WITH_AS((void)decode_allowed_file("# one\n" + key + "\n" + bad + "\n", "f"),
                         doctest::Contains("f:3: "), InvalidArgumentError);
  }
}

TEST_CASE("a secret file that is changed is refused") {
  const KeyPair keys = make_key_pair();
  const std::string text = encode_secret_file(keys);
  CHECK(decode_secret_file(text, "f").public_key == keys.public_key);
  KeyPair mixed = keys;
  mixed.public_key = make_key_pair().public_key;
  for (const std::string& bad :
       {std::string(), text.substr(0, text.size() - 1), text + "x", encode_secret_file(mixed)}) {
    CHECK_THROWS_AS((void)decode_secret_file(bad, "f"), InvalidArgumentError);
  }
}

}  // namespace
}  // namespace accrete::test
