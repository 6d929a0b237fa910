// One lock for threads, processes and forked children: a gate for threads before a lock of the file (file_lock.hpp).
//
// A lock of a file does not exclude threads of one process, and where it is a record lock it is lost when the process
// closes any descriptor of the file. So the file is opened once a process: `lock_for` hands the same object to
// everybody who asks for the same file. A forked child has what its parent has locked no more than any other process,
// so `fork` waits until no thread of the process holds a lock, and the child starts with all gates open. A thread may
// take a lock while it holds another: who forks keeps none to himself until he has all.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "os/file_lock.hpp"

namespace accrete {

class DatasetLock {
 public:
  /// Holds the lock until it is released or destroyed.
  class Guard {
   public:
    Guard() = default;
    Guard(Guard&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)), exclusive_(other.exclusive_) {}
    Guard& operator=(Guard&& other) noexcept {
      std::swap(lock_, other.lock_);
      std::swap(exclusive_, other.exclusive_);
      return *this;
    }
    ~Guard() { release(); }
    void release() noexcept;
    explicit operator bool() const noexcept { return lock_ != nullptr; }

   private:
    friend class DatasetLock;
    Guard(DatasetLock& lock, bool exclusive) noexcept : lock_(&lock), exclusive_(exclusive) {}
    DatasetLock* lock_ = nullptr;
    bool exclusive_ = false;
  };

  explicit DatasetLock(const std::string& path);
  /// For `own`: a lock among this process's threads, which keeps `owned` to itself.
  explicit DatasetLock(std::shared_ptr<DatasetLock> owned);
  ~DatasetLock();
  DatasetLock(const DatasetLock&) = delete;
  DatasetLock& operator=(const DatasetLock&) = delete;

  /// Throw LockedError when `timeout` has passed. A thread must not ask for a lock that it holds.
  [[nodiscard]] Guard exclusive(std::chrono::milliseconds timeout);
  [[nodiscard]] Guard shared(std::chrono::milliseconds timeout);
  /// An empty guard if another thread or process holds it.
  [[nodiscard]] Guard try_exclusive();

  /// Whether another process has it exclusively now, or somebody in this one has it for good. Takes nothing, and does
  /// not wait.
  [[nodiscard]] bool is_taken() const;

  /// Takes the lock for as long as this object lives, over forks, which then do not wait for it; nobody else can take
  /// it, a forked child neither. False if another holds it.
  [[nodiscard]] bool try_own();

 private:
  class Gate;
  class Registry;
  class Ownership;
  friend std::shared_ptr<DatasetLock> lock_for(const std::string& path);
  friend std::shared_ptr<DatasetLock> own(const std::shared_ptr<DatasetLock>& lock, std::chrono::milliseconds timeout);
  using Deadline = std::chrono::steady_clock::time_point;
  void unlock(bool exclusive) noexcept;
  [[noreturn]] void throw_locked(std::chrono::milliseconds timeout) const;

  std::string path_;
  std::unique_ptr<FileLock> file_lock_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Ownership> ownership_;  // of a lock that `own` has made
};

/// This process's lock of the file at `path`, which must exist and not be a symbolic link. If the file may only be
/// read, the lock can only be taken shared (exclusive throws ReadOnlyError).
[[nodiscard]] std::shared_ptr<DatasetLock> lock_for(const std::string& path);

/// Takes `lock` exclusively for as long as the result lives: a lock for the threads of this process that share what it
/// guards. Nobody else gets `lock` meanwhile. A forked child owns nothing: there the result's functions throw
/// LockedError. Throws LockedError when `timeout` has passed.
[[nodiscard]] std::shared_ptr<DatasetLock> own(const std::shared_ptr<DatasetLock>& lock,
                                               std::chrono::milliseconds timeout);

}  // namespace accrete
