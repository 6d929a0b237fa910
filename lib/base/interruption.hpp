// What calls that wait or take long do for an Interruptible.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace accrete {

/// Of the calling thread.
class Interruption {
 public:
  /// How long nobody asks: not at all in a call that is shorter.
  static constexpr std::chrono::milliseconds interval{100};

  /// Whether an Interruptible lives.
  [[nodiscard]] static bool is_possible() noexcept;
  /// Asks, unless it has just been asked. Throws InterruptedError.
  static void check();
};

inline void throw_if_interrupted() {
  if (Interruption::is_possible()) Interruption::check();
}

/// As the condition variable's wait_until, for a loop that looks itself what has come to be. Throws InterruptedError,
/// with the mutex locked.
template <typename Deadline>
std::cv_status wait_until_or_interrupted(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                                         const Deadline& deadline) {
  if (!Interruption::is_possible()) return changed.wait_until(lock, deadline);
  Interruption::check();
  const auto next = Deadline::clock::now() + Interruption::interval;
  if (deadline <= next) return changed.wait_until(lock, deadline);
  (void)changed.wait_until(lock, next);
  return std::cv_status::no_timeout;
}

inline void wait_or_interrupted(std::condition_variable& changed, std::unique_lock<std::mutex>& lock) {
  if (!Interruption::is_possible()) return changed.wait(lock);
  Interruption::check();
  (void)changed.wait_for(lock, Interruption::interval);
}

/// Locks one that has try_lock and try_lock_for. Throws InterruptedError.
template <typename Lock>
void lock_or_interrupted(Lock& lock) {
  if (!Interruption::is_possible()) return lock.lock();
  if (lock.try_lock()) return;
  while (!lock.try_lock_for(Interruption::interval)) Interruption::check();
}

}  // namespace accrete
