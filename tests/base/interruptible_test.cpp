// Tests of base/interruptible.cpp and base/interruption.hpp.
#include <accrete/error.hpp>
#include <accrete/interruptible.hpp>
#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "base/fair_shared_mutex.hpp"
#include "base/interruption.hpp"

namespace accrete {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Until it throws.
void check_for_ever() {
  for (;;) throw_if_interrupted();
}

TEST_CASE("a call that takes long is asked about, some times a second") {
  int asked = 0;
  const Interruptible interruptible([&] { return ++asked == 3; });
  const Clock::time_point began = Clock::now();
  CHECK_THROWS_AS(check_for_ever(), InterruptedError);
  CHECK(asked == 3);
  CHECK(Clock::now() - began >= 2 * Interruption::interval);
}

TEST_CASE("a call that is over soon is not asked about") {
  bool is_asked = false;
  const Interruptible interruptible([&] { return is_asked = true; });
  throw_if_interrupted();
  CHECK(!is_asked);
}

TEST_CASE("the one that was made last counts, and an empty one lets nothing be interrupted") {
  const Interruptible outer([] { return true; });
  {
    const Interruptible inner(nullptr);
    CHECK(!Interruption::is_possible());
    const Clock::time_point until = Clock::now() + 3 * Interruption::interval;
    while (Clock::now() < until) throw_if_interrupted();
  }
  CHECK_THROWS_AS(check_for_ever(), InterruptedError);
}

TEST_CASE("it is of its thread alone") {
  const Interruptible interruptible([] { return true; });
  std::thread([] { CHECK(!Interruption::is_possible()); }).join();
}

TEST_CASE("a wait that nobody ends is interrupted, with the mutex locked") {
  std::mutex mutex;
  std::condition_variable changed;
  std::unique_lock lock(mutex);
  const Interruptible interruptible([] { return true; });
  const auto wait_for_ever = [&] {
    for (;;) wait_or_interrupted(changed, lock);
  };
  CHECK_THROWS_AS(wait_for_ever(), InterruptedError);
  CHECK(lock.owns_lock());
  const auto wait_an_hour = [&] {
    const Clock::time_point deadline = Clock::now() + 1h;
    while (wait_until_or_interrupted(changed, lock, deadline) != std::cv_status::timeout) {
    }
  };
  CHECK_THROWS_AS(wait_an_hour(), InterruptedError);
  CHECK(lock.owns_lock());
}

TEST_CASE("a wait with a deadline ends by then") {
  std::mutex mutex;
  std::condition_variable changed;
  std::unique_lock lock(mutex);
  const Interruptible interruptible([] { return false; });
  const Clock::time_point deadline = Clock::now() + 250ms;
  while (wait_until_or_interrupted(changed, lock, deadline) != std::cv_status::timeout) {
  }
  CHECK(Clock::now() >= deadline);
}

TEST_CASE("who waits for a mutex is interrupted, and keeps nobody out afterwards") {
  FairSharedMutex mutex;
  std::unique_lock holder(mutex);
  std::thread waiter([&] {
    const Interruptible interruptible([] { return true; });
    CHECK_THROWS_AS(std::unique_lock lock(mutex), InterruptedError);
    CHECK_THROWS_AS(std::shared_lock lock(mutex), InterruptedError);
  });
  waiter.join();
  holder.unlock();
  { const std::unique_lock lock(mutex); }
  const std::shared_lock lock(mutex);
}

}  // namespace
}  // namespace accrete
