// A shared mutex that a stream of readers cannot keep a writer out of, as they can with glibc's std::shared_mutex.
#pragma once

#include <mutex>
#include <shared_mutex>

#include "base/interruption.hpp"

namespace accrete {

/// Used through std::unique_lock and std::shared_lock. Nobody may take it twice. To take it throws InterruptedError
/// where an Interruptible lives.
class FairSharedMutex {
 public:
  /// Who comes later, also to share it, waits until then.
  void lock() {
    std::unique_lock turn(turn_, std::defer_lock);
    lock_or_interrupted(turn);
    std::unique_lock whole(mutex_, std::defer_lock);
    lock_or_interrupted(whole);
    (void)whole.release();
  }
  void unlock() { mutex_.unlock(); }

  void lock_shared() {
    std::unique_lock turn(turn_, std::defer_lock);
    lock_or_interrupted(turn);
    std::shared_lock shared(mutex_, std::defer_lock);
    lock_or_interrupted(shared);
    (void)shared.release();
  }
  void unlock_shared() { mutex_.unlock_shared(); }

 private:
  std::timed_mutex turn_;
  std::shared_timed_mutex mutex_;
};

}  // namespace accrete
