// A shared mutex that a stream of readers cannot keep a writer out of, as they can with glibc's std::shared_mutex.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace accrete {

/// Used through std::unique_lock and std::shared_lock. Nobody may take it twice.
class FairSharedMutex {
 public:
  /// Who comes later, also to share it, waits until then.
  void lock() {
    const std::lock_guard turn(turn_);
    mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }

  void lock_shared() {
    const std::lock_guard turn(turn_);
    mutex_.lock_shared();
  }
  void unlock_shared() { mutex_.unlock_shared(); }

 private:
  std::mutex turn_;
  std::shared_mutex mutex_;
};

}  // namespace accrete
