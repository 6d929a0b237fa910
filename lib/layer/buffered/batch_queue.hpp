// Lets one thread do the work of all that come meanwhile, so that they share its cost.
#pragma once

#include <condition_variable>
#include <mutex>
#include <span>
#include <vector>

#include "layer/buffered/buffered_store.hpp"

namespace accrete {

class BatchQueue {
 public:
  /// Returns when `apply(span<SubmittedBatch* const>)`, called by this thread or another, has had all of `batches`, in
  /// their order. It is called by one thread at a time and must not throw.
  template <typename Apply>
  void run(std::span<SubmittedBatch> batches, Apply apply) {
    Waiter self{.batches = batches};
    std::unique_lock lock(mutex_);
    waiting_.push_back(&self);
    changed_.wait(lock, [&] { return self.done || !leading_; });
    if (self.done) return;
    lead(lock, apply);
  }

  /// Waits until nothing is being applied, and keeps the next ones out.
  void before_fork() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !leading_; });
    lock.release();
  }
  void after_fork_in_parent() noexcept { mutex_.unlock(); }

 private:
  struct Waiter {
    std::span<SubmittedBatch> batches{};
    bool done = false;
  };

  template <typename Apply>
  void lead(std::unique_lock<std::mutex>& lock, Apply apply) {
    leading_ = true;
    led_.swap(waiting_);
    lock.unlock();
    if (try_collect()) apply(std::span<SubmittedBatch* const>(batches_));
    batches_.clear();
    lock.lock();
    for (Waiter* waiter : led_) waiter->done = true;
    led_.clear();
    leading_ = false;
    lock.unlock();
    changed_.notify_all();
  }

  /// False if there was no memory, and no batch is to be applied.
  bool try_collect() noexcept {
    try {
      for (const Waiter* waiter : led_) {
        for (SubmittedBatch& batch : waiter->batches) batches_.push_back(&batch);
      }
      return true;
    } catch (...) {
      for (const Waiter* waiter : led_) {
        for (SubmittedBatch& batch : waiter->batches) batch.failure = std::current_exception();
      }
      return false;
    }
  }

  std::mutex mutex_;  // guards waiting_ and leading_
  std::condition_variable changed_;
  std::vector<Waiter*> waiting_;
  bool leading_ = false;
  std::vector<Waiter*> led_;              // those whose batches are being applied
  std::vector<SubmittedBatch*> batches_;  // theirs
};

}  // namespace accrete
