#include "os/file_lock.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/sync/file_lock.hpp>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <thread>
#include <utility>

#include "base/escape.hpp"
#include "base/interruption.hpp"
#include "base/throw_io_error.hpp"
#include "os/descriptor.hpp"
#include "os/lock_holder.hpp"

namespace accrete {
namespace {

using Clock = std::chrono::steady_clock;

constexpr off_t queue_begin = 1;
constexpr int spins = 16;
constexpr std::chrono::microseconds first_pause{10};
constexpr std::chrono::microseconds max_pause{500};

short type_of(LockMode mode) noexcept { return mode == LockMode::exclusive ? F_WRLCK : F_RDLCK; }

int open_lock(const std::string& path, bool read_only) noexcept {
  const int access = read_only ? O_RDONLY : O_RDWR;
  return ::open(path.c_str(), access | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

/// Polls with growing pauses. F_OFD_SETLKW has no timeout.
template <typename Try>
bool poll_until(FileLock::Deadline deadline, Try try_once) {
  for (std::chrono::microseconds pause = first_pause;; pause = std::min(pause * 2, max_pause)) {
    if (try_once()) return true;
    if (Clock::now() >= deadline) return false;
    throw_if_interrupted();
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

struct FileLock::Bytes {
  off_t begin = 0;
  off_t size = 0;  ///< 0: to the end of the largest file

  [[nodiscard]] struct flock as_flock(short type) const noexcept {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = begin;
    lock.l_len = size;
    return lock;
  }
};

constexpr FileLock::Bytes FileLock::the_lock{.begin = 0, .size = 1};

/// Boost opens the file for writing even where a shared lock is all that is wanted.
class FileLock::RecordLock {
 public:
  RecordLock(const std::string& path, int fd, bool read_only) : path_(path), fd_(fd) {
    if (read_only) return;
    guarded([&] {
      file_lock_.emplace(path.c_str());
      return true;
    });
  }

  bool try_lock(LockMode mode) {
    if (!file_lock_) return set(type_of(mode));
    return guarded(
        [&] { return mode == LockMode::exclusive ? file_lock_->try_lock() : file_lock_->try_lock_sharable(); });
  }

  void unlock() noexcept {
    if (!file_lock_) {
      (void)set(F_UNLCK);
      return;
    }
    try {
      file_lock_->unlock();
    } catch (const boost::interprocess::interprocess_exception&) {
      // Unlocking a descriptor that is open cannot fail.
    }
  }

  bool is_taken_elsewhere() {
    struct flock lock = whole_file.as_flock(F_RDLCK);
    if (::fcntl(fd_, F_GETLK, &lock) != 0) throw_io_error("look at the lock", path_, errno);
    return lock.l_type != F_UNLCK;
  }

 private:
  static constexpr Bytes whole_file{};

  template <typename Try>
  bool guarded(Try try_once) {
    try {
      return try_once();
    } catch (const boost::interprocess::interprocess_exception& e) {
      throw_io_error("lock", path_, e.get_native_error());
    }
  }

  bool set(short type) noexcept {
    struct flock lock = whole_file.as_flock(type);
    return ::fcntl(fd_, F_SETLK, &lock) == 0;
  }

  std::string path_;
  int fd_;
  std::optional<boost::interprocess::file_lock> file_lock_;
};

/// A byte in the queue, as long as this object lives.
class FileLock::QueuePlace {
 public:
  QueuePlace(FileLock& lock, LockMode mode) : lock_(lock), mode_(mode) {
    do {
      // The byte after the last of them, whatever is free between: who filled a gap would stand before those who came
      // earlier.
      while (const std::optional<Bytes> taken = lock_.find_obstacle(LockMode::exclusive, {.begin = byte_.begin})) {
        has_place_ = taken->size > 0;  // otherwise a program that is not accrete has locked the whole file
        if (!has_place_) return;
        byte_.begin = taken->begin + taken->size;
      }
    } while (!lock_.try_set(mode_, byte_));
  }
  ~QueuePlace() {
    if (has_place_) lock_.drop(byte_);
  }
  QueuePlace(const QueuePlace&) = delete;
  QueuePlace& operator=(const QueuePlace&) = delete;

  [[nodiscard]] bool is_first() {
    const off_t before = byte_.begin - queue_begin;
    return !has_place_ || before == 0 || !lock_.find_obstacle(mode_, {.begin = queue_begin, .size = before});
  }

 private:
  FileLock& lock_;
  const LockMode mode_;
  bool has_place_ = true;
  Bytes byte_{.begin = queue_begin, .size = 1};
};

FileLock::FileLock(std::string path, const FileLockOptions& options)
    : path_(std::move(path)), patience_with_first_(options.patience_with_first), fd_(open_lock(path_, false)) {
  if (fd_ < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
    is_read_only_ = true;
    fd_ = open_lock(path_, true);
  }
  if (fd_ < 0) throw_io_error("open the lock", path_, errno);
  Descriptor fd(fd_);  // closed if the rest throws
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_io_error("look at", path_, errno);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  struct flock probe = the_lock.as_flock(F_RDLCK);
  const bool has_open_file_locks = ::fcntl(fd.get(), F_OFD_GETLK, &probe) == 0 || errno != EINVAL;
  if (options.kind == LockKind::record || !has_open_file_locks) {
    record_lock_ = std::make_unique<RecordLock>(path_, fd.get(), is_read_only_);
  }
  (void)fd.release();
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

bool FileLock::try_lock_at_once(LockMode mode) {
  if (mode == LockMode::exclusive && is_read_only_) {
    throw ReadOnlyError("cannot lock " + quoted(path_) + " for writing: it may only be read");
  }
  return !must_queue(mode) && try_lock(mode);
}

bool FileLock::wait_until(LockMode mode, Deadline deadline) {
  if (Clock::now() >= deadline) return try_lock(mode);
  const bool others_wait = do_others_wait(mode);
  for (int i = 0; i < spins && !others_wait; ++i) {
    std::this_thread::yield();
    if (try_lock(mode)) return true;
  }
  if (record_lock_) return poll_until(deadline, [&] { return try_lock(mode); });
  QueuePlace place(*this, mode);
  Clock::time_point taken = Clock::now();  // when it was seen so last
  return poll_until(deadline, [&] {
    if (place.is_first()) return try_lock(mode);
    const Clock::time_point now = Clock::now();
    if (find_obstacle(mode, the_lock)) {
      taken = now;
      return false;
    }
    return now - taken >= patience_with_first_ && try_lock(mode);
  });
}

void FileLock::unlock() noexcept { record_lock_ ? record_lock_->unlock() : drop(the_lock); }

bool FileLock::is_taken_elsewhere() {
  return record_lock_ ? record_lock_->is_taken_elsewhere() : find_obstacle(LockMode::shared, the_lock).has_value();
}

void FileLock::after_fork_in_child() noexcept {
  if (record_lock_ || fd_ < 0) return;  // what holds a record lock is not inherited
  // By its descriptor, since the path may be relative, or the directory may have been renamed.
  const std::string copy = "/proc/self/fd/" + std::to_string(fd_);
  const int access = is_read_only_ ? O_RDONLY : O_RDWR;
  ::close(fd_.exchange(::open(copy.c_str(), access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)));
  turns_ = 0;
}

bool FileLock::try_lock(LockMode mode) {
  if (record_lock_) return record_lock_->try_lock(mode);
  return try_set(mode, the_lock);
}

bool FileLock::must_queue(LockMode mode) {
  if (mode == LockMode::exclusive && ++turns_ < max_turns) return false;
  turns_ = 0;
  return do_others_wait(mode);
}

bool FileLock::do_others_wait(LockMode mode) {
  return !record_lock_ && find_obstacle(mode, {.begin = queue_begin}).has_value();
}

bool FileLock::try_set(LockMode mode, const Bytes& bytes) {
  struct flock lock = bytes.as_flock(type_of(mode));
  if (::fcntl(descriptor(), F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  throw_io_error("lock", path_, errno);
}

void FileLock::drop(const Bytes& bytes) noexcept {
  struct flock lock = bytes.as_flock(F_UNLCK);
  (void)::fcntl(fd_, F_OFD_SETLK, &lock);  // unlocking a descriptor that is open cannot fail
}

std::optional<FileLock::Bytes> FileLock::find_obstacle(LockMode mode, const Bytes& bytes) {
  struct flock lock = bytes.as_flock(type_of(mode));
  if (::fcntl(descriptor(), F_OFD_GETLK, &lock) != 0) throw_io_error("look at the lock", path_, errno);
  if (lock.l_type == F_UNLCK) return std::nullopt;
  return Bytes{.begin = lock.l_start, .size = lock.l_len};
}

std::optional<std::int64_t> FileLock::find_holder() const {
  if (record_lock_) return std::nullopt;  // to look at the file would drop it
  try {
    const std::optional<std::int64_t> holder = lock_holder(path_);
    return holder && *holder > 0 ? holder : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;  // it is only for a message
  }
}

/// A forked child may have had no descriptor to spare, or no /proc.
int FileLock::descriptor() {
  if (fd_ >= 0) return fd_;
  Descriptor anew(open_lock(path_, is_read_only_));
  struct stat status {};
  if (anew.get() < 0 || ::fstat(anew.get(), &status) != 0) throw_io_error("open the lock", path_, errno);
  if (status.st_dev != device_ || status.st_ino != inode_) throw_io_error("open the lock", path_, ESTALE);
  int none = -1;
  if (fd_.compare_exchange_strong(none, anew.get())) (void)anew.release();
  return fd_;
}

}  // namespace accrete
