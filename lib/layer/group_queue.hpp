// Lets one thread do the work of all that come meanwhile, so that they share its cost.
#pragma once

#include <condition_variable>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "layer/buffered_store.hpp"

namespace accrete {

class GroupQueue {
 public:
  /// Returns when `apply(span<GroupedBatch* const>)`, called by this thread or another, has had all of `batches`, in
  /// their order. It is called by one thread at a time and must not throw.
  template <typename Apply>
  void run(std::span<GroupedBatch> batches, Apply apply) {
    Waiter self{.batches = batches};
    std::unique_lock lock(mutex_);
    waiting_.push_back(&self);
    changed_.wait(lock, [&] { return self.done || !leading_; });
    if (self.done) return;
    leading_ = true;
    const std::vector<Waiter*> group = std::exchange(waiting_, {});
    lock.unlock();
    std::vector<GroupedBatch*> all;
    for (const Waiter* waiter : group) {
      for (GroupedBatch& batch : waiter->batches) all.push_back(&batch);
    }
    apply(std::span<GroupedBatch* const>(all));
    lock.lock();
    for (Waiter* waiter : group) waiter->done = true;
    leading_ = false;
    lock.unlock();
    changed_.notify_all();
  }

  /// Waits until no group is being applied, and keeps the next ones out.
  void before_fork() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !leading_; });
    lock.release();
  }
  void after_fork_in_parent() noexcept { mutex_.unlock(); }

 private:
  struct Waiter {
    std::span<GroupedBatch> batches{};
    bool done = false;
  };

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::vector<Waiter*> waiting_;
  bool leading_ = false;
};

}  // namespace accrete
