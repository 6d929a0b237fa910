#include "os/dataset_lock.hpp"

#include <accrete/error.hpp>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <sys/stat.h>
#include <thread>

#include "base/escape.hpp"
#include "base/interruption.hpp"
#include "base/throw_io_error.hpp"
#include "os/at_fork.hpp"

namespace accrete {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::microseconds fork_pause{100};

Clock::time_point deadline_after(std::chrono::milliseconds timeout) {
  const Clock::time_point now = Clock::now();
  const auto max_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now);
  return timeout >= max_timeout ? Clock::time_point::max() : now + timeout;
}

/// A thread waits to fork.
std::atomic<bool> is_fork_waiting = false;

/// So that it finds a moment in which no lock is held. Not for long, since it may wait for one that this thread holds.
void give_way_to_fork() {
  if (!is_fork_waiting.load(std::memory_order_relaxed)) return;
  const Clock::time_point until = Clock::now() + std::chrono::milliseconds{50};
  while (is_fork_waiting && Clock::now() < until) std::this_thread::sleep_for(fork_pause);
}

}  // namespace

/// The lock among threads; it takes and releases the file lock with the first and the last of them. A stream of
/// readers cannot starve the writers of this process, which keep new readers out while they wait, nor those of others,
/// because the readers let go of the file lock after some turns.
class DatasetLock::Gate {
 public:
  /// nullptr: a lock among threads alone.
  explicit Gate(FileLock* file_lock) : file_lock_(file_lock), state_(std::make_unique<State>()) {}

  bool try_lock_until(Deadline deadline) {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    if (!state.may_write() && !wait_as_writer(state, lock, deadline)) {
      state.changed.notify_all();
      return false;
    }
    state.busy = true;
    lock.unlock();
    return take(LockMode::exclusive, deadline);
  }

  bool try_lock_shared_until(Deadline deadline) {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    const auto may_enter = [&] {
      return !state.busy && !state.owned && state.waiting_writers == 0 &&
             (state.readers == 0 || !file_lock_ || state.turns < max_turns);
    };
    if (!wait(state, lock, deadline, may_enter)) return false;
    if (state.readers > 0) {
      ++state.readers;
      ++state.turns;
      return true;
    }
    state.busy = true;
    lock.unlock();
    if (!take(LockMode::shared, deadline)) return false;
    lock.lock();
    state.busy = false;
    state.readers = 1;
    state.turns = 1;
    lock.unlock();
    state.changed.notify_all();
    return true;
  }

  void unlock() noexcept {
    if (file_lock_) file_lock_->unlock();
    open();
  }

  void unlock_shared() noexcept {
    State& state = *state_;
    {
      const std::lock_guard lock(state.mutex);
      if (--state.readers > 0) return;
      if (file_lock_) file_lock_->unlock();
    }
    state.changed.notify_all();
  }

  /// For the thread that holds the lock exclusively: it will not be unlocked.
  void own() {
    const std::lock_guard lock(state_->mutex);
    state_->busy = false;
    state_->owned = true;
  }

  [[nodiscard]] bool is_owned() const {
    const std::lock_guard lock(state_->mutex);
    return state_->owned;
  }

  void disown() noexcept {
    if (file_lock_) file_lock_->unlock();
    {
      const std::lock_guard lock(state_->mutex);
      state_->owned = false;
    }
    state_->changed.notify_all();
  }

  void before_fork() {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    state.changed.wait(lock, [&] { return state.is_at_rest(); });
    lock.release();  // keeps the mutex locked across the fork
  }

  /// As above, or does nothing.
  [[nodiscard]] bool try_before_fork() {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    const bool is_at_rest = state.is_at_rest();
    if (is_at_rest) lock.release();
    return is_at_rest;
  }

  void after_fork_in_parent() noexcept { state_->mutex.unlock(); }

  // The old state may count waiting threads that the child does not have; it cannot be destroyed with them inside.
  void after_fork_in_child() noexcept {
    state_.release()->mutex.unlock();
    state_ = std::make_unique<State>();
  }

 private:
  /// Then other processes get theirs. Among threads alone, one that reads for long must not hold others back.
  static constexpr int max_turns = 64;

  struct State {
    std::mutex mutex;  // guards all below
    std::condition_variable changed;
    int readers = 0;
    int turns = 0;  // of readers since the file lock was taken
    int waiting_writers = 0;
    bool owned = false;  // for good, by the process
    bool busy = false;   // a thread holds the lock exclusively, or is taking the file lock
    bool polls = false;  // it waits for the file lock

    [[nodiscard]] bool may_write() const noexcept { return !busy && !owned && readers == 0; }
    [[nodiscard]] bool is_at_rest() const noexcept { return (!busy || polls) && readers == 0; }
  };

  /// As long as it lives, others know that this thread holds nothing yet.
  class Polling {
   public:
    explicit Polling(State& state) : state_(state) { set(true); }
    ~Polling() { set(false); }
    Polling(const Polling&) = delete;
    Polling& operator=(const Polling&) = delete;

   private:
    void set(bool polls) {
      {
        const std::lock_guard lock(state_.mutex);
        state_.polls = polls;
      }
      state_.changed.notify_all();
    }

    State& state_;
  };

  /// Throws InterruptedError, as do all that wait.
  template <typename Predicate>
  static bool wait(State& state, std::unique_lock<std::mutex>& lock, Deadline deadline, Predicate ready) {
    while (!ready()) {
      if (wait_until_or_interrupted(state.changed, lock, deadline) == std::cv_status::timeout) return ready();
    }
    return true;
  }

  [[gnu::cold]] static bool wait_as_writer(State& state, std::unique_lock<std::mutex>& lock, Deadline deadline) {
    ++state.waiting_writers;
    try {
      const bool entered = wait(state, lock, deadline, [&] { return state.may_write(); });
      --state.waiting_writers;
      return entered;
    } catch (const InterruptedError&) {
      --state.waiting_writers;
      state.changed.notify_all();
      throw;
    }
  }

  bool take(LockMode mode, Deadline deadline) {
    try {
      if (!file_lock_ || file_lock_->try_lock_at_once(mode)) return true;
      const Polling polling(*state_);
      if (file_lock_->wait_until(mode, deadline)) return true;
    } catch (...) {
      open();
      throw;
    }
    open();
    return false;
  }

  void open() noexcept {
    {
      const std::lock_guard lock(state_->mutex);
      state_->busy = false;
    }
    state_->changed.notify_all();
  }

  FileLock* file_lock_;
  std::unique_ptr<State> state_;
};

/// Gives the owned lock back, but not in a forked child, which does not have it.
class DatasetLock::Ownership : private AtFork {
 public:
  Ownership(std::shared_ptr<DatasetLock> owned, Gate& gate) : owned_(std::move(owned)), gate_(gate) { watch_forks(); }
  ~Ownership() override {
    ignore_forks();
    if (!is_inherited_) owned_->gate_->disown();
  }

  void check() const {
    if (!is_inherited_) return;
    throw LockedError("cannot use " + quoted(owned_->path_) +
                      " in a forked child: the parent process has it for itself; open the dataset anew when the parent "
                      "has closed it");
  }

 private:
  void before_fork() override { gate_.before_fork(); }
  void after_fork_in_parent() noexcept override { gate_.after_fork_in_parent(); }
  void after_fork_in_child() noexcept override {
    gate_.after_fork_in_child();
    is_inherited_ = true;
  }

  std::shared_ptr<DatasetLock> owned_;
  Gate& gate_;
  bool is_inherited_ = false;
};

void DatasetLock::Guard::release() noexcept {
  if (lock_) std::exchange(lock_, nullptr)->unlock(exclusive_);
}

DatasetLock::DatasetLock(const std::string& path)
    : path_(path), file_lock_(std::make_unique<FileLock>(path)), gate_(std::make_unique<Gate>(file_lock_.get())) {}

DatasetLock::DatasetLock(std::shared_ptr<DatasetLock> owned)
    : path_(owned->path_), gate_(std::make_unique<Gate>(nullptr)) {
  ownership_ = std::make_unique<Ownership>(std::move(owned), *gate_);
}

DatasetLock::~DatasetLock() = default;

DatasetLock::Guard DatasetLock::exclusive(std::chrono::milliseconds timeout) {
  if (ownership_) ownership_->check();
  give_way_to_fork();
  if (!gate_->try_lock_until(deadline_after(timeout))) throw_locked(timeout);
  return {*this, true};
}

DatasetLock::Guard DatasetLock::shared(std::chrono::milliseconds timeout) {
  if (ownership_) ownership_->check();
  give_way_to_fork();
  if (!gate_->try_lock_shared_until(deadline_after(timeout))) throw_locked(timeout);
  return {*this, false};
}

DatasetLock::Guard DatasetLock::try_exclusive() {
  if (!gate_->try_lock_until(Clock::now())) return {};
  return {*this, true};
}

bool DatasetLock::is_taken() const { return gate_->is_owned() || (file_lock_ && file_lock_->is_taken_elsewhere()); }

bool DatasetLock::try_own() {
  if (!gate_->try_lock_until(Clock::now())) return false;
  gate_->own();
  return true;
}

void DatasetLock::unlock(bool exclusive) noexcept { exclusive ? gate_->unlock() : gate_->unlock_shared(); }

void DatasetLock::throw_locked(std::chrono::milliseconds timeout) const {
  const std::optional<std::int64_t> holder = file_lock_ ? file_lock_->find_holder() : std::nullopt;
  throw LockedError("cannot lock " + quoted(path_) + ": another process or thread has held it for " +
                    std::to_string(timeout.count()) + " ms" +
                    (holder ? "; process " + std::to_string(*holder) + " has it now" : "") +
                    "; wait longer, or look who uses it (fuser, lslocks)");
}

/// The process's locks, by file. Users are counted under the mutex, not by a weak_ptr: a lock that has expired but is
/// not closed yet would, when it is closed, take the file lock of its successor with it.
class DatasetLock::Registry : private AtFork {
 public:
  static Registry& instance() {
    // Never destroyed: stores may outlive static objects.
    static auto* registry = new Registry;
    return *registry;
  }

  std::shared_ptr<DatasetLock> acquire(const std::string& path) {
    const std::lock_guard guard(mutex_);
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) throw_io_error("open the lock", path, errno);
    if (!S_ISREG(status.st_mode)) throw CorruptionError("the lock " + quoted(path) + " is not a regular file");
    const FileId id{status.st_dev, status.st_ino};
    auto found = users_.find(id);
    if (found == users_.end()) found = users_.emplace(id, Users{std::make_unique<DatasetLock>(path), 0}).first;
    ++found->second.count;
    return {found->second.lock.get(), [this, id](DatasetLock*) { release(id); }};
  }

 private:
  using FileId = std::pair<dev_t, ino_t>;
  struct Users {
    std::unique_ptr<DatasetLock> lock;
    int count = 0;
  };

  Registry() { watch_forks(); }

  void release(const FileId& id) noexcept {
    const std::lock_guard guard(mutex_);
    const auto found = users_.find(id);
    if (--found->second.count == 0) users_.erase(found);
  }

  void before_fork() override {
    is_fork_waiting = true;
    for (;;) {
      mutex_.lock();
      if (try_close_all()) return;
      mutex_.unlock();
      std::this_thread::sleep_for(fork_pause);
    }
  }

  bool try_close_all() {
    for (auto at = users_.begin(); at != users_.end(); ++at) {
      if (at->second.lock->gate_->try_before_fork()) continue;
      while (at != users_.begin()) (--at)->second.lock->gate_->after_fork_in_parent();
      return false;
    }
    return true;
  }

  void after_fork_in_parent() noexcept override {
    for (auto& [id, users] : users_) users.lock->gate_->after_fork_in_parent();
    mutex_.unlock();
    is_fork_waiting = false;
  }

  void after_fork_in_child() noexcept override {
    for (auto& [id, users] : users_) {
      users.lock->file_lock_->after_fork_in_child();
      users.lock->gate_->after_fork_in_child();
    }
    mutex_.unlock();
    is_fork_waiting = false;
  }

  std::mutex mutex_;  // guards users_; held across a fork
  std::map<FileId, Users> users_;
};

std::shared_ptr<DatasetLock> lock_for(const std::string& path) {
  return DatasetLock::Registry::instance().acquire(path);
}

std::shared_ptr<DatasetLock> own(const std::shared_ptr<DatasetLock>& lock, std::chrono::milliseconds timeout) {
  if (!lock->gate_->try_lock_until(deadline_after(timeout))) lock->throw_locked(timeout);
  lock->gate_->own();
  return std::make_shared<DatasetLock>(lock);
}

}  // namespace accrete
