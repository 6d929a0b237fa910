// Tests of os/file_lock.cpp and os/lock_holder.cpp. Two FileLocks of one file exclude each other as those of two
// processes do, but for record locks.
#include "os/file_lock.hpp"

#include <accrete/error.hpp>
#include <array>
#include <atomic>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <mutex>
#include <spawn.h>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "os/dataset_lock.hpp"
#include "os/lock_holder.hpp"
#include "support/child.hpp"
#include "support/file_bytes.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

using Clock = std::chrono::steady_clock;

FileLock::Deadline patience() { return Clock::now() + std::chrono::hours{1}; }
FileLock::Deadline impatience() { return Clock::now() + std::chrono::milliseconds{2}; }

/// For those who are to stand in the queue however long others take.
constexpr FileLockOptions polite{.patience_with_first = std::chrono::hours{1}};

class LockFile {
 public:
  LockFile() { write_file(path_, ""); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Whether somebody stands in the queue's place `place`, the first of which is 1.
  [[nodiscard]] bool has_waiter(int place) const {
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = place;
    lock.l_len = 1;
    REQUIRE(::fcntl(fd, F_OFD_GETLK, &lock) == 0);
    ::close(fd);
    return lock.l_type != F_UNLCK;
  }

  void wait_for_waiter(int place) const {
    while (!has_waiter(place)) std::this_thread::yield();
  }

 private:
  TemporaryDirectory directory_;
  std::string path_ = directory_ / "lock";
};

/// A pipe that is told of by a byte, or by closing it.
class Pipe {
 public:
  Pipe() { REQUIRE(::pipe2(ends_.data(), O_CLOEXEC) == 0); }
  ~Pipe() {
    ::close(ends_[0]);
    close();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  [[nodiscard]] int reader() const noexcept { return ends_[0]; }
  void write() const { require(::write(ends_[1], "!", 1) == 1, "somebody listens"); }
  void close() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }
  /// False if the other ends were closed.
  [[nodiscard]] bool read() const {
    char byte = 0;
    return ::read(ends_[0], &byte, 1) == 1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

/// A process that reads from `input` until it is closed.
void start_program(const Pipe& input) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input.reader(), STDIN_FILENO);
  std::array<char*, 2> arguments{const_cast<char*>("cat"), nullptr};
  pid_t program = 0;
  const int error = ::posix_spawnp(&program, "cat", &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  require(error == 0, "cat starts");
}

TEST_CASE("closing another descriptor of a lock's file drops no lock") {
  const LockFile file;
  FileLock lock(file.path());
  REQUIRE(lock.lock_until(LockMode::exclusive, patience()));
  ::close(::open(file.path().c_str(), O_RDWR));
  CHECK_FALSE(succeeds(start_child([&] {
    FileLock other(file.path());
    require(other.lock_until(LockMode::exclusive, impatience()), "the lock is free");
  })));
}

TEST_CASE("locks of either kind exclude other processes") {
  for (const LockKind kind : {LockKind::open_file, LockKind::record}) {
    const LockFile file;
    FileLock lock(file.path(), {.kind = kind});
    const auto other_gets = [&](LockMode mode) {
      return succeeds(start_child([&] {
        FileLock other(file.path(), {.kind = kind});
        if (!other.lock_until(mode, impatience())) ::_exit(1);
      }));
    };
    const auto other_sees_it_taken = [&] {
      return succeeds(
          start_child([&] { ::_exit(FileLock(file.path(), {.kind = kind}).is_taken_elsewhere() ? 0 : 1); }));
    };
    REQUIRE(lock.lock_until(LockMode::shared, patience()));
    CHECK(other_gets(LockMode::shared));
    CHECK_FALSE(other_gets(LockMode::exclusive));
    CHECK_FALSE(other_sees_it_taken());
    lock.unlock();
    REQUIRE(lock.lock_until(LockMode::exclusive, patience()));
    CHECK_FALSE(other_gets(LockMode::shared));
    CHECK_FALSE(other_gets(LockMode::exclusive));
    CHECK(other_sees_it_taken());
    CHECK_FALSE(lock.is_taken_elsewhere());
    lock.unlock();
    CHECK(other_gets(LockMode::exclusive));
  }
}

TEST_CASE("a lock is free when its holder was killed, though a forked child and a started program live") {
  const LockFile file;
  Pipe holds;
  Pipe ends;
  const pid_t holder = start_child([&] {
    ends.close();
    const std::shared_ptr<DatasetLock> lock = lock_for(file.path());
    require(lock->try_own(), "nobody has the lock");
    start_child([&] { (void)ends.read(); });
    start_program(ends);
    holds.write();
    for (;;) ::pause();
  });
  REQUIRE(holds.read());
  CHECK_FALSE(lock_for(file.path())->try_exclusive());
  ::kill(holder, SIGKILL);
  CHECK_FALSE(succeeds(holder));
  CHECK(bool(lock_for(file.path())->exclusive(std::chrono::hours{1})));
}

TEST_CASE("a forked child takes and drops its own lock, not its parent's") {
  const LockFile file;
  const std::shared_ptr<DatasetLock> lock = lock_for(file.path());
  Pipe holds;
  Pipe ends;
  const pid_t child = start_child([&] {
    ends.close();
    const DatasetLock::Guard guard = lock->exclusive(std::chrono::hours{1});
    holds.write();
    (void)ends.read();
  });
  REQUIRE(holds.read());
  CHECK_FALSE(lock->try_exclusive());
  CHECK(lock->is_taken());
  ends.close();
  CHECK(succeeds(child));
  const DatasetLock::Guard guard = lock->exclusive(std::chrono::hours{1});
  FileLock other(file.path());
  CHECK_FALSE(other.lock_until(LockMode::exclusive, impatience()));
}

TEST_CASE("the process that holds a lock is found, and is none when nobody does") {
  const LockFile file;
  CHECK_FALSE(lock_holder(file.path()));
  CHECK_FALSE(lock_holder(file.path() + "-missing"));
  FileLock lock(file.path());
  REQUIRE(lock.lock_until(LockMode::shared, patience()));
  CHECK_FALSE(lock_holder(file.path()));
  lock.unlock();
  REQUIRE(lock.lock_until(LockMode::exclusive, patience()));
  CHECK(lock_holder(file.path()) == ::getpid());
  CHECK(lock_holder(file.path(), ::getpid()) == ::getpid());
  CHECK(lock_holder(file.path(), ::getppid()) == ::getpid());
}

TEST_CASE("who has waited too long is told which process has the lock") {
  const LockFile file;
  FileLock holder(file.path());
  REQUIRE(holder.lock_until(LockMode::exclusive, patience()));
  try {
    static_cast<void>(lock_for(file.path())->shared(std::chrono::milliseconds{2}));
    FAIL_CHECK("the lock was free");
  } catch (const LockedError& error) {
    CHECK(std::string(error.what()).find("process " + std::to_string(::getpid()) + " has it") != std::string::npos);
  }
}

TEST_CASE("a reader that comes while a writer waits stands after it") {
  const LockFile file;
  FileLock reader(file.path(), polite);
  REQUIRE(reader.lock_until(LockMode::shared, patience()));
  std::atomic<bool> has_written = false;
  std::thread writer([&] {
    FileLock lock(file.path(), polite);
    has_written = lock.lock_until(LockMode::exclusive, patience());
  });
  file.wait_for_waiter(1);
  FileLock late_reader(file.path(), polite);
  CHECK_FALSE(late_reader.lock_until(LockMode::shared, impatience()));
  CHECK_FALSE(file.has_waiter(2));
  std::thread patient_reader([&] {
    CHECK(late_reader.lock_until(LockMode::shared, patience()));
    CHECK(has_written);
  });
  file.wait_for_waiter(2);
  reader.unlock();
  writer.join();
  patient_reader.join();
  CHECK_FALSE(file.has_waiter(1));
  CHECK_FALSE(file.has_waiter(2));
}

TEST_CASE("who waits gets the lock in the order of coming, readers that stand together at once") {
  const LockFile file;
  FileLock holder(file.path(), polite);
  REQUIRE(holder.lock_until(LockMode::exclusive, patience()));
  std::mutex mutex;  // guards order
  std::string order;
  std::atomic<int> readers_inside = 0;
  std::vector<std::thread> threads;
  const std::string waiters = "WRRWRW";
  for (std::size_t i = 0; i < waiters.size(); ++i) {
    threads.emplace_back([&, i] {
      FileLock lock(file.path(), polite);
      const bool writes = waiters[i] == 'W';
      require(lock.lock_until(writes ? LockMode::exclusive : LockMode::shared, patience()), "its turn comes");
      {
        const std::lock_guard guard(mutex);
        order += waiters[i];
      }
      if (!writes && (i == 1 || i == 2)) {
        ++readers_inside;
        while (readers_inside < 2) std::this_thread::yield();
      }
      lock.unlock();
    });
    file.wait_for_waiter(static_cast<int>(i) + 1);
  }
  holder.unlock();
  for (std::thread& thread : threads) thread.join();
  CHECK(order == waiters);
}

TEST_CASE("a writer that takes the lock again and again lets one that waits pass after max_turns at most") {
  const LockFile file;
  FileLock busy(file.path(), polite);
  REQUIRE(busy.lock_until(LockMode::exclusive, patience()));
  std::atomic<bool> has_written = false;
  std::thread waiter([&] {
    FileLock lock(file.path(), polite);
    require(lock.lock_until(LockMode::exclusive, patience()), "its turn comes");
    has_written = true;
    lock.unlock();
  });
  file.wait_for_waiter(1);
  int turns = 0;
  while (!has_written) {
    busy.unlock();
    REQUIRE(busy.lock_until(LockMode::exclusive, patience()));
    ++turns;
    REQUIRE(turns <= FileLock::max_turns + 1);
  }
  waiter.join();
}

TEST_CASE("who is killed while it waits holds nobody up") {
  const LockFile file;
  FileLock reader(file.path());
  REQUIRE(reader.lock_until(LockMode::shared, patience()));
  const pid_t waiter = start_child([&] {
    FileLock lock(file.path());
    (void)lock.lock_until(LockMode::exclusive, patience());
  });
  file.wait_for_waiter(1);
  FileLock late_reader(file.path());
  CHECK_FALSE(late_reader.lock_until(LockMode::shared, impatience()));
  ::kill(waiter, SIGKILL);
  CHECK_FALSE(succeeds(waiter));
  CHECK_FALSE(file.has_waiter(1));
  CHECK(late_reader.lock_until(LockMode::shared, patience()));
}

TEST_CASE("who is stopped while it waits is passed by when the lock is free, and goes on when it is continued") {
  const LockFile file;
  FileLock holder(file.path());
  REQUIRE(holder.lock_until(LockMode::exclusive, patience()));
  const pid_t waiter = start_child([&] {
    FileLock lock(file.path());
    require(lock.lock_until(LockMode::exclusive, patience()), "its turn comes");
  });
  file.wait_for_waiter(1);
  ::kill(waiter, SIGSTOP);
  int status = 0;
  REQUIRE(::waitpid(waiter, &status, WUNTRACED) == waiter);
  holder.unlock();
  FileLock other(file.path());
  CHECK(other.lock_until(LockMode::shared, patience()));
  other.unlock();
  CHECK(other.lock_until(LockMode::exclusive, patience()));
  other.unlock();
  ::kill(waiter, SIGCONT);
  CHECK(succeeds(waiter));
}

TEST_CASE("a lock of the whole file, as other programs take it, leaves no room for a queue and is waited for") {
  const LockFile file;
  const int foreign = ::open(file.path().c_str(), O_RDWR | O_CLOEXEC);
  struct flock whole_file {};
  whole_file.l_type = F_WRLCK;
  whole_file.l_whence = SEEK_SET;
  REQUIRE(::fcntl(foreign, F_OFD_SETLK, &whole_file) == 0);
  FileLock lock(file.path());
  CHECK_FALSE(lock.lock_until(LockMode::shared, impatience()));
  CHECK_FALSE(lock.lock_until(LockMode::exclusive, impatience()));
  ::close(foreign);
  CHECK(lock.lock_until(LockMode::exclusive, patience()));
}

TEST_CASE("writers of two processes get their turns though two others read without a pause") {
  const LockFile file;
  constexpr int max_reads = 200'000;
  constexpr int writes = 20;
  auto* const reads = static_cast<std::atomic<int>*>(
      ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(reads != MAP_FAILED);
  Pipe ends;
  std::vector<pid_t> readers;
  for (int i = 0; i < 2; ++i) {
    readers.push_back(start_child([&] {
      const std::shared_ptr<DatasetLock> lock = lock_for(file.path());
      // Each lets go only when the other has read, so that there is no moment without a reader.
      while (*reads < max_reads) {
        const DatasetLock::Guard guard = lock->shared(std::chrono::hours{1});
        const int before = (*reads)++;
        for (int k = 0; k < 1000 && *reads == before + 1; ++k) std::this_thread::yield();
      }
    }));
  }
  while (*reads == 0) std::this_thread::yield();
  std::vector<pid_t> writers;
  for (int i = 0; i < 2; ++i) {
    writers.push_back(start_child([&] {
      const std::shared_ptr<DatasetLock> lock = lock_for(file.path());
      for (int k = 0; k < writes; ++k) static_cast<void>(lock->exclusive(std::chrono::hours{1}));
    }));
  }
  for (const pid_t writer : writers) CHECK(succeeds(writer));
  CHECK(*reads < max_reads);
  *reads = max_reads;
  for (const pid_t reader : readers) CHECK(succeeds(reader));
  ::munmap(reads, sizeof(std::atomic<int>));
}

}  // namespace
}  // namespace accrete::test
