#include "os/at_fork.hpp"

#include <algorithm>
#include <mutex>
#include <pthread.h>
#include <vector>

namespace accrete {

/// The process's list of whom to ask.
class ForkWatch {
 public:
  static ForkWatch& instance() {
    // Never destroyed: a fork may happen while the process exits.
    static auto* watch = new ForkWatch;
    return *watch;
  }

  void add(AtFork* object) {
    const std::lock_guard lock(mutex_);
    objects_.push_back(object);
  }

  void remove(AtFork* object) noexcept {
    const std::lock_guard lock(mutex_);
    objects_.erase(std::find(objects_.begin(), objects_.end(), object));
  }

 private:
  ForkWatch() { pthread_atfork(&before, &in_parent, &in_child); }

  static void before() {
    ForkWatch& watch = instance();
    watch.mutex_.lock();
    // The latest first: it may be built upon others, and its threads may be inside them.
    std::for_each(watch.objects_.rbegin(), watch.objects_.rend(), [](AtFork* object) { object->before_fork(); });
  }

  static void in_parent() {
    ForkWatch& watch = instance();
    for (AtFork* object : watch.objects_) object->after_fork_in_parent();
    watch.mutex_.unlock();
  }

  static void in_child() {
    ForkWatch& watch = instance();
    for (AtFork* object : watch.objects_) object->after_fork_in_child();
    watch.mutex_.unlock();
  }

  std::mutex mutex_;  // guards objects_; held across a fork
  std::vector<AtFork*> objects_;
};

void AtFork::watch_forks() { ForkWatch::instance().add(this); }

void AtFork::ignore_forks() noexcept { ForkWatch::instance().remove(this); }

}  // namespace accrete
