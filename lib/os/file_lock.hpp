// The lock of a file among processes, with a queue for those who find it taken. For one thread at a time, and all
// threads of a process are one to it: dataset_lock.hpp sees to both.
//
// It is a lock of the open file (F_OFD_SETLK). A POSIX record lock would fall as soon as anybody in the process closed
// another descriptor of the file, which a program that copies the directory does. Copies of a descriptor share its
// lock, so a forked child closes its copy at once and opens one of its own: otherwise the lock would outlive its
// holder. Where the system has no such locks (EINVAL), Boost.Interprocess's file_lock, which is a record lock, stands
// in, without a queue.
//
//   byte 0   the lock
//   byte 1…  the queue: who waits locks a byte after all that are locked, to read shared, to write exclusively. First
//            is a reader with no writer's byte before its own, and a writer with no byte before its own.
//
// The system drops the bytes of a process that dies, so the queue has no dead in it, and holds no numbers that could
// be wrong. Readers look at the queue before they take the lock, so writers are not kept out by readers that come
// without end; writers look at it every few times.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace accrete {

enum class LockMode { shared, exclusive };

enum class LockKind {
  open_file,  ///< where the system has them
  record,     ///< without a queue
};

struct FileLockOptions {
  LockKind kind = LockKind::open_file;
  /// So long may the lock lie free before those who wait pass by who is first: it may have been stopped.
  std::chrono::milliseconds patience_with_first{100};
};

class FileLock {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// How often in a row a process takes the lock exclusively before it looks whether others wait.
  static constexpr int max_turns = 16;

  /// The file must exist. If it may only be read, the lock can only be taken shared (exclusive throws ReadOnlyError).
  explicit FileLock(std::string path, const FileLockOptions& options = {});
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  /// False if it is taken, or others wait for it who are to have it first.
  [[nodiscard]] bool try_lock_at_once(LockMode mode);
  /// Waits for it. False when the deadline has passed. One that has passed already takes the lock if it is free,
  /// whoever waits.
  [[nodiscard]] bool wait_until(LockMode mode, Deadline deadline);
  [[nodiscard]] bool lock_until(LockMode mode, Deadline deadline) {
    return try_lock_at_once(mode) || wait_until(mode, deadline);
  }

  void unlock() noexcept;

  /// Whether another process has the lock exclusively. For any thread at any time.
  [[nodiscard]] bool is_taken_elsewhere();

  /// The process that has it exclusively, as lock_holder.hpp finds it; nullopt where that cannot be told.
  [[nodiscard]] std::optional<std::int64_t> find_holder() const;

  /// In the only thread of a forked child: what the parent has locked is the parent's.
  void after_fork_in_child() noexcept;

 private:
  class RecordLock;
  class QueuePlace;
  struct Bytes;
  static const Bytes the_lock;

  [[nodiscard]] bool try_lock(LockMode mode);
  [[nodiscard]] bool must_queue(LockMode mode);
  [[nodiscard]] bool do_others_wait(LockMode mode);
  [[nodiscard]] bool try_set(LockMode mode, const Bytes& bytes);
  void drop(const Bytes& bytes) noexcept;
  /// A lock of others that keeps this one from being taken.
  [[nodiscard]] std::optional<Bytes> find_obstacle(LockMode mode, const Bytes& bytes);
  [[nodiscard]] int descriptor();

  const std::string path_;
  const std::chrono::milliseconds patience_with_first_;
  std::atomic<int> fd_;  // negative: a forked child could not open its own yet
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  bool is_read_only_ = false;
  std::unique_ptr<RecordLock> record_lock_;  // nullptr: the locks are of the open file
  int turns_ = 0;
};

}  // namespace accrete
