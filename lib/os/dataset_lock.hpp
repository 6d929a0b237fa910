// One lock for threads, processes and forked children: a Boost.Interprocess file_lock beside an in-process one.
//
// A file_lock is a POSIX record lock. It does not exclude threads of one process, so a gate for threads stands before
// it. It is lost when the process closes any descriptor of the file, so the file is opened here and nowhere else, once
// a process: `lock_for` hands the same object to everybody who asks for the same file. A forked child does not inherit
// it, so `fork` waits until no thread holds the lock or asks for it, and the child starts with all gates open.
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace accrete {

class DatasetLock {
 public:
  virtual ~DatasetLock() = default;

  /// Holds the lock until it is destroyed.
  class Guard {
   public:
    Guard() = default;
    Guard(DatasetLock& lock, bool exclusive) noexcept : lock_(&lock), exclusive_(exclusive) {}
    Guard(Guard&& other) noexcept : lock_(other.lock_), exclusive_(other.exclusive_) { other.lock_ = nullptr; }
    Guard& operator=(Guard&& other) noexcept {
      std::swap(lock_, other.lock_);
      std::swap(exclusive_, other.exclusive_);
      return *this;
    }
    ~Guard() { release(); }
    void release() noexcept {
      if (!lock_) return;
      exclusive_ ? lock_->unlock() : lock_->unlock_shared();
      lock_ = nullptr;
    }
    explicit operator bool() const noexcept { return lock_ != nullptr; }

   private:
    DatasetLock* lock_ = nullptr;
    bool exclusive_ = false;
  };

  /// Throw LockedError when `timeout` has passed. A thread must not ask for a lock that it holds.
  [[nodiscard]] Guard exclusive(std::chrono::milliseconds timeout);
  [[nodiscard]] Guard shared(std::chrono::milliseconds timeout);
  /// An empty guard if another holds it.
  [[nodiscard]] Guard try_exclusive();

 private:
  virtual bool try_lock_until(std::chrono::steady_clock::time_point deadline) = 0;
  virtual bool try_lock_shared_until(std::chrono::steady_clock::time_point deadline) = 0;
  virtual void unlock() noexcept = 0;
  virtual void unlock_shared() noexcept = 0;
  [[nodiscard]] virtual const std::string& path() const noexcept = 0;
};

/// This process's lock of the file at `path`, which must exist and not be a symbolic link. If the file may only be
/// read, the lock can only be taken shared (exclusive throws ReadOnlyError).
[[nodiscard]] std::shared_ptr<DatasetLock> lock_for(const std::string& path);

}  // namespace accrete
