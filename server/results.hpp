// The way back to the main loop.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "os/wake_up.hpp"
#include "server/tasks.hpp"

namespace accrete::server {

class Results {
 public:
  void push(Result result) {
    {
      const std::lock_guard lock(mutex_);
      results_.push_back(std::move(result));
    }
    wake_up_.signal();
  }

  [[nodiscard]] std::vector<Result> take_all() {
    wake_up_.drain();
    const std::lock_guard lock(mutex_);
    return std::exchange(results_, {});
  }

  /// To poll; it is also woken by who wants the main loop to look around.
  [[nodiscard]] const WakeUp& wake_up() const noexcept { return wake_up_; }

 private:
  std::mutex mutex_;  // guards results_
  std::vector<Result> results_;
  WakeUp wake_up_;
};

}  // namespace accrete::server
