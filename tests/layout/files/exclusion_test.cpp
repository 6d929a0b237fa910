// Who may use a dataset at the same time as others.
#include <accrete/accrete.hpp>
#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <unistd.h>

#include "api/datasets.hpp"
#include "layout/files/control.hpp"
#include "os/file_lock.hpp"
#include "os/file_system.hpp"
#include "os/process.hpp"
#include "support/child.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds impatience{20};

bool is_locked_for_others(const std::string& url) {
  return succeeds(start_child([&] {
    try {
      open(url, {.lock_timeout = impatience})->append("x", "theirs");
    } catch (const LockedError&) {
      return;
    }
    throw std::runtime_error("another process could append");
  }));
}

TEST_CASE("a program that copies its dataset while it buffers appends keeps the dataset for itself") {
  const TemporaryDirectory directory;
  const std::string url = directory / "events";
  create(url);
  {
    const std::unique_ptr<Store> store = open(url, {.buffer = BufferOptions{}});
    store->append("x", "ours");
    fs::copy(url, directory / "copy", fs::copy_options::recursive);
    CHECK(is_locked_for_others(url));
    store->append("x", ", and ours");
  }
  CHECK_FALSE(is_locked_for_others(url));
  CHECK(get(url, {"x"}).front() == "ours, and ourstheirs");
}

/// What a function throws; "" if nothing.
template <typename Refusal>
std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const Refusal& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("who waits in vain for a server that has come since is told of it, and of no server that is dead") {
  const TemporaryDirectory directory;
  const std::string url = directory / "events";
  create(url);
  const std::unique_ptr<Store> store = open(url, {.lock_timeout = impatience});
  const std::unique_ptr<Directory> dataset = posix_env().try_open_directory(url);
  Control control(*dataset, false);
  FileLock lock(url + "/.lock");  // as if it were another process's
  REQUIRE(lock.lock_until(LockMode::exclusive, FileLock::Deadline::max()));
  const auto is_told = [&] {
    const std::string told =
        "; a server (process " + std::to_string(::getpid()) + ") serves the dataset: open it anew to go over to it";
    const std::string of_append = refusal<LockedError>([&] { store->append("x", "1"); });
    const std::string of_get = refusal<LockedError>([&] { (void)store->get("x"); });
    CHECK(of_append.find("cannot lock") == 0);
    CHECK(of_get.find("cannot lock") == 0);
    CHECK(of_append.ends_with(told) == of_get.ends_with(told));
    return of_append.ends_with(told);
  };
  Process owner = this_process();
  control.set_owner(owner);
  CHECK_FALSE(is_told());
  write_file(url + "/.server", "");
  CHECK(is_told());
  owner.start += 1;  // another process, which had the number before
  control.set_owner(owner);
  CHECK_FALSE(is_told());
  control.set_owner({});
  CHECK_FALSE(is_told());
}

TEST_CASE("a file system whose locks nobody vouches for is refused by its name, unless it is trusted by that") {
  const TemporaryDirectory directory;
  const std::string url = directory / "events";
  FaultEnv env(posix_env());
  create_dataset(env, url, {});
  env.pretend({.name = "sshfs"});
  const std::vector<std::function<void()>> uses = {[&] { create_dataset(env, directory / "other", {}); },
                                                   [&] { (void)create_temporary_dataset(env, directory / "third"); },
                                                   [&] { (void)open_dataset(env, url, {}); },
                                                   [&] { (void)open_owned_dataset(env, url, {}); },
                                                   [&] { (void)verify_dataset(env, url, {}); },
                                                   [&] { destroy_dataset(env, url); }};
  for (const auto& use : uses)
    CHECK(refusal<UnsupportedError>(use).find("ACCRETE_TRUST_LOCKS=sshfs") != std::string::npos);
  CHECK(std::distance(fs::directory_iterator(directory.path()), {}) == 1);
  create_dataset(env, directory / "other", {.trusted_file_systems = {"nfs", "sshfs"}});
  open_dataset(env, url, {.trusted_file_systems = {"nfs", "sshfs"}})->append("x", "ours");
  CHECK(open_owned_dataset(env, url, {.trusted_file_systems = {"sshfs"}})->get("x") == "ours");
  env.pretend({.name = "sshfs", .locks_reach = true});
  destroy_dataset(env, url);
}

TEST_CASE("the environment trusts file systems by name, and each of a list") {
  CHECK(succeeds(start_child([] {
    ::setenv("ACCRETE_TRUST_LOCKS", "nfs,fuse", 1);
    require(file_system_of(::open("/", O_RDONLY), "/").locks_reach, "a local file system needs no trust");
    // Of the proc file system, no table knows the number.
    const int proc = ::open("/proc", O_RDONLY);
    require(file_system_of(proc, "/proc").name == "0x00009fa0", "an unknown file system has a number for a name");
    require(!file_system_of(proc, "/proc").locks_reach, "nobody vouches for it");
    ::setenv("ACCRETE_TRUST_LOCKS", "nfs,0x00009fa0", 1);
    require(file_system_of(proc, "/proc").locks_reach, "it is trusted by its number");
    ::setenv("ACCRETE_TRUST_LOCKS", "0x00009fa", 1);
    require(!file_system_of(proc, "/proc").locks_reach, "a part of a name is none");
  })));
}

/// A process that has a dataset for itself, with an append in memory, until it is told to close it.
class OtherOwner {
 public:
  explicit OtherOwner(const std::string& url) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    REQUIRE(::pipe(told_.data()) == 0);
    pid_ = start_child([&] {
      ::close(told_[1]);
      const std::unique_ptr<Store> store = open(url, {.buffer = BufferOptions{}});
      store->append("x", "theirs");
      char byte = 0;
      require(::write(ready[1], &byte, 1) == 1, "the parent listens");
      (void)!::read(told_[0], &byte, 1);
    });
    char byte = 0;
    ::close(ready[1]);
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
  }
  ~OtherOwner() {
    end();
    ::close(told_[0]);
  }
  OtherOwner(const OtherOwner&) = delete;
  OtherOwner& operator=(const OtherOwner&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void end() {
    if (pid_ < 0) return;
    ::close(told_[1]);
    CHECK(succeeds(std::exchange(pid_, -1)));
  }

 private:
  std::array<int, 2> told_{};
  pid_t pid_ = -1;
};

TEST_CASE("a journal is not handed down while its owner lives, though the lock says that it is dead") {
  const TemporaryDirectory directory;
  const std::string url = directory / "events";
  create(url);
  FaultEnv view(posix_env());
  write_file(directory / "lock", "");
  view.lock_blindly(directory / "lock");
  OtherOwner owner(url);
  const std::vector<std::function<void()>> uses = {
      [&] { (void)open_dataset(view, url, {}); }, [&] { (void)open_owned_dataset(view, url, {}); },
      [&] { (void)verify_dataset(view, url, {}); }, [&] { (void)verify_dataset(view, url, {.repair = true}); }};
  for (const auto& use : uses) {
    CHECK(refusal<LockedError>(use).find("process " + std::to_string(owner.pid())) != std::string::npos);
  }
  owner.end();
  CHECK(open_dataset(view, url, {})->get("x") == "theirs");
}

TEST_CASE("the journal of an owner that was killed is handed down, also of one that is not to be told") {
  for (const bool is_foreign : {false, true}) {
    const TemporaryDirectory directory;
    const std::string url = directory / "events";
    create(url);
    CHECK(succeeds(start_child([&] {
      static const std::unique_ptr<Store> owner = open(url, {.buffer = BufferOptions{}});
      owner->append("x", "theirs");
      ::_exit(0);
    })));
    const std::unique_ptr<Directory> opened = posix_env().try_open_directory(url);
    Control control(*opened, false);
    CHECK(control.load().owner.number != 0);
    if (is_foreign) control.set_owner({.number = 1, .start = 1, .pid_namespace = 1});
    CHECK(get(url, {"x"}).front() == "theirs");
    CHECK(control.load().owner == Process{});
  }
}

TEST_CASE("a copy of a dataset that its owner has open is nobody's") {
  const TemporaryDirectory directory;
  const std::string url = directory / "events";
  create(url);
  const OtherOwner owner(url);
  fs::copy(url, directory / "copy", fs::copy_options::recursive);
  CHECK(get(directory / "copy", {"x"}).front() == "theirs");
}

TEST_CASE("a dataset on a file system that takes upper for lower case is refused") {
  const TemporaryDirectory directory;
  const std::string url = directory / "events";
  create(url);
  write_file(url + "/.LOCK", "");  // as such a file system answers
  CHECK_THROWS_AS(put(url, {{"NEW", "y"}}), UnsupportedError);
  CHECK_THROWS_AS((void)get(url, {"NEW"}), UnsupportedError);
  CHECK_THROWS_AS((void)verify(url), UnsupportedError);
  CHECK_THROWS_AS((void)open(url, {.buffer = BufferOptions{}}), UnsupportedError);
  fs::remove(url + "/.LOCK");
  put(url, {{"NEW", "y"}});
  CHECK(get(url, {"NEW"}).front() == "y");
}

}  // namespace
}  // namespace accrete::test
