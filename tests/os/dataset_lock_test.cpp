// Tests of os/dataset_lock.cpp: one lock for threads, processes and forked children.
#include "os/dataset_lock.hpp"

#include <accrete/error.hpp>
#include <accrete/interruptible.hpp>
#include <array>
#include <atomic>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <thread>
#include <unistd.h>
#include <vector>

#include "support/child.hpp"
#include "support/file_bytes.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds patience = std::chrono::hours{1};
constexpr milliseconds impatience{20};

class Fixture {
 public:
  Fixture() { write_file(path(), ""); }
  [[nodiscard]] std::string path() const { return directory_ / "lock"; }
  [[nodiscard]] std::shared_ptr<DatasetLock> lock() const { return lock_for(path()); }

 private:
  TemporaryDirectory directory_;
};

/// A process that tries to take the lock when it is asked to. It must be started before this process takes the lock:
/// fork waits for that.
class Prober {
 public:
  explicit Prober(const std::string& path) {
    REQUIRE(::pipe(questions_.data()) == 0);
    REQUIRE(::pipe(answers_.data()) == 0);
    pid_ = start_child([&] {
      ::close(questions_[1]);
      for (char question = 0; ::read(questions_[0], &question, 1) == 1;) {
        const char answer = tries(path, question == 'x') ? 'y' : 'n';
        require(::write(answers_[1], &answer, 1) == 1, "the parent listens");
      }
    });
  }
  ~Prober() {
    ::close(questions_[1]);
    CHECK(succeeds(pid_));
    for (const int fd : {questions_[0], answers_[0], answers_[1]}) ::close(fd);
  }
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  bool gets_exclusive() { return ask('x'); }
  bool gets_shared() { return ask('s'); }

 private:
  static bool tries(const std::string& path, bool exclusive) {
    const std::shared_ptr<DatasetLock> lock = lock_for(path);
    try {
      static_cast<void>(exclusive ? lock->exclusive(impatience) : lock->shared(impatience));
      return true;
    } catch (const LockedError&) {
      return false;
    }
  }

  bool ask(char question) {
    char answer = 0;
    REQUIRE(::write(questions_[1], &question, 1) == 1);
    REQUIRE(::read(answers_[0], &answer, 1) == 1);
    return answer == 'y';
  }

  std::array<int, 2> questions_{};
  std::array<int, 2> answers_{};
  pid_t pid_ = -1;
};

/// A process that holds the lock until it is told to let go.
class Holder {
 public:
  Holder(const std::string& path, bool exclusive) {
    REQUIRE(::pipe(told_.data()) == 0);
    REQUIRE(::pipe(holds_.data()) == 0);
    pid_ = start_child([&] {
      ::close(told_[1]);
      const std::shared_ptr<DatasetLock> lock = lock_for(path);
      const DatasetLock::Guard guard = exclusive ? lock->exclusive(patience) : lock->shared(patience);
      char byte = 0;
      require(::write(holds_[1], &byte, 1) == 1, "the parent listens");
      require(::read(told_[0], &byte, 1) == 0, "the parent lets go");
    });
    char byte = 0;
    REQUIRE(::read(holds_[0], &byte, 1) == 1);
  }
  ~Holder() {
    let_go();
    for (const int fd : {told_[0], holds_[0], holds_[1]}) ::close(fd);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void let_go() {
    if (pid_ < 0) return;
    ::close(told_[1]);
    CHECK(succeeds(std::exchange(pid_, -1)));
  }

 private:
  std::array<int, 2> told_{};
  std::array<int, 2> holds_{};
  pid_t pid_ = -1;
};

TEST_CASE("threads exclude each other") {
  const Fixture fixture;
  long counter = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const std::shared_ptr<DatasetLock> lock = fixture.lock();
      for (int k = 0; k < 500; ++k) {
        const DatasetLock::Guard guard = lock->exclusive(patience);
        const long seen = counter;
        if (k % 50 == 0) std::this_thread::yield();
        counter = seen + 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(counter == 2000);
}

TEST_CASE("processes exclude each other") {
  const Fixture fixture;
  const TemporaryDirectory directory;
  const std::string counter = directory / "counter";
  write_file(counter, "0");
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(start_child([&] {
      const std::shared_ptr<DatasetLock> lock = fixture.lock();
      for (int k = 0; k < 100; ++k) {
        const DatasetLock::Guard guard = lock->exclusive(patience);
        write_file(counter, std::to_string(std::stol(read_file(counter)) + 1));
      }
    }));
  }
  for (const pid_t child : children) CHECK(succeeds(child));
  CHECK(read_file(counter) == "400");
}

TEST_CASE("an exclusive lock keeps out readers and writers of other processes, a shared one only writers") {
  const Fixture fixture;
  Prober other(fixture.path());
  const std::shared_ptr<DatasetLock> lock = fixture.lock();
  {
    const DatasetLock::Guard guard = lock->exclusive(patience);
    CHECK_FALSE(other.gets_shared());
    CHECK_FALSE(other.gets_exclusive());
  }
  {
    const DatasetLock::Guard guard = lock->shared(patience);
    const DatasetLock::Guard another = lock->shared(patience);
    CHECK(other.gets_shared());
    CHECK_FALSE(other.gets_exclusive());
  }
  CHECK(other.gets_exclusive());
}

TEST_CASE("everybody in a process shares one lock, and letting go of one share does not drop it") {
  const Fixture fixture;
  Prober other(fixture.path());
  const std::shared_ptr<DatasetLock> first = fixture.lock();
  std::shared_ptr<DatasetLock> second = fixture.lock();
  CHECK(first == second);
  DatasetLock::Guard guard = first->shared(patience);
  second.reset();
  fixture.lock().reset();
  CHECK_FALSE(other.gets_exclusive());
  guard = first->shared(patience);
  CHECK_FALSE(other.gets_exclusive());
  guard.release();
  CHECK(other.gets_exclusive());
}

TEST_CASE("a hard link to a lock file is the same lock") {
  const Fixture fixture;
  std::filesystem::create_hard_link(fixture.path(), fixture.path() + "2");
  CHECK(lock_for(fixture.path()) == lock_for(fixture.path() + "2"));
}

TEST_CASE("who waits too long gets LockedError, for a thread and for a process that holds") {
  const Fixture fixture;
  const std::shared_ptr<DatasetLock> lock = fixture.lock();
  {
    const DatasetLock::Guard guard = lock->exclusive(patience);
    std::thread([&] {
      CHECK_THROWS_AS(static_cast<void>(lock->exclusive(impatience)), LockedError);
      CHECK_THROWS_AS(static_cast<void>(lock->shared(impatience)), LockedError);
      CHECK_FALSE(lock->try_exclusive());
    }).join();
  }
  for (const bool exclusive : {true, false}) {
    Holder holder(fixture.path(), exclusive);
    CHECK_THROWS_AS(static_cast<void>(lock->exclusive(impatience)), LockedError);
    CHECK_THROWS_AS(static_cast<void>(lock->exclusive(milliseconds{0})), LockedError);
    CHECK_FALSE(lock->try_exclusive());
    if (exclusive) {
      CHECK_THROWS_AS(static_cast<void>(lock->shared(impatience)), LockedError);
    } else {
      CHECK(bool(lock->shared(impatience)));
    }
    holder.let_go();
    CHECK(bool(lock->exclusive(impatience)));
  }
}

TEST_CASE("a timeout of any length is no overflow") {
  const Fixture fixture;
  CHECK(bool(fixture.lock()->exclusive(milliseconds::max())));
  CHECK(bool(fixture.lock()->shared(milliseconds::max())));
}

TEST_CASE("a waiting writer, of this process or another, gets its turn though readers come without end") {
  const Fixture fixture;
  const pid_t other = start_child([&] {
    for (int i = 0; i < 50; ++i) static_cast<void>(lock_for(fixture.path())->exclusive(patience));
  });
  const std::shared_ptr<DatasetLock> lock = fixture.lock();
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) static_cast<void>(lock->shared(patience));
    });
  }
  for (int i = 0; i < 50; ++i) static_cast<void>(lock->exclusive(patience));
  CHECK(succeeds(other));
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

TEST_CASE("a child forked by a thread that holds nothing waits for its parent's lock like any other process") {
  const Fixture fixture;
  const std::shared_ptr<DatasetLock> lock = fixture.lock();
  static_cast<void>(lock->exclusive(patience));
  const pid_t child = start_child([&] {
    for (int i = 0; i < 200; ++i) static_cast<void>(lock->exclusive(patience));
  });
  for (int i = 0; i < 200; ++i) static_cast<void>(lock->exclusive(patience));
  CHECK(succeeds(child));
}

TEST_CASE("a wait for the lock is interrupted, whoever has it, and keeps nobody out afterwards") {
  const Fixture fixture;
  const std::shared_ptr<DatasetLock> lock = fixture.lock();
  const auto expect_interrupted = [&] {
    const Interruptible interruptible([] { return true; });
    CHECK_THROWS_AS(static_cast<void>(lock->exclusive(patience)), InterruptedError);
    CHECK_THROWS_AS(static_cast<void>(lock->shared(patience)), InterruptedError);
  };
  {
    const DatasetLock::Guard guard = lock->exclusive(patience);
    std::thread(expect_interrupted).join();
  }
  {
    FileLock elsewhere(fixture.path());
    REQUIRE(elsewhere.lock_until(LockMode::exclusive, FileLock::Deadline::max()));
    expect_interrupted();
  }
  static_cast<void>(lock->shared(impatience));
  static_cast<void>(lock->exclusive(impatience));
}

TEST_CASE("a lock that is owned for good is nobody else's, not even a forked child's") {
  const Fixture fixture;
  const std::shared_ptr<DatasetLock> lock = fixture.lock();
  REQUIRE(lock->try_own());
  CHECK_FALSE(lock->try_exclusive());
  CHECK_FALSE(lock->try_own());
  CHECK(succeeds(start_child([&] { require(!lock->try_exclusive(), "the parent owns it"); })));
}

TEST_CASE("of a lock that is owned, one who reads for long holds no other reader back, however many come") {
  const Fixture fixture;
  const std::shared_ptr<DatasetLock> owned = own(fixture.lock(), patience);
  const DatasetLock::Guard long_read = owned->shared(impatience);
  for (int i = 0; i < 1000; ++i) CHECK_NOTHROW((void)owned->shared(milliseconds{0}));
}

TEST_CASE("the death of a holder frees the lock") {
  const Fixture fixture;
  CHECK(succeeds(start_child([&] {
    static DatasetLock::Guard guard = fixture.lock()->exclusive(patience);
    ::_exit(0);
  })));
  CHECK(bool(fixture.lock()->try_exclusive()));
}

TEST_CASE("a lock file that is a symbolic link is refused") {
  const Fixture fixture;
  std::filesystem::create_symlink(fixture.path(), fixture.path() + "-link");
  CHECK_THROWS_AS(static_cast<void>(lock_for(fixture.path() + "-link")), CorruptionError);
  CHECK_THROWS_AS(static_cast<void>(lock_for(fixture.path() + "-missing")), IoError);
}

}  // namespace
}  // namespace accrete::test
