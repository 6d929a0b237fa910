// A queue between threads that wait for it.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace accrete::server {

template <typename T>
class Queue {
 public:
  void push(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
  }

  /// Waits for an item; nullopt when the queue is closed and empty.
  [[nodiscard]] std::optional<T> take() {
    std::unique_lock lock(mutex_);
    wait(lock);
    if (items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  /// As above, for all that there are; none when the queue is closed and empty.
  [[nodiscard]] std::deque<T> take_all() {
    std::unique_lock lock(mutex_);
    wait(lock);
    return std::exchange(items_, {});
  }

  /// As above, without waiting; nullopt when the queue is closed.
  [[nodiscard]] std::optional<std::deque<T>> try_take_all() {
    const std::lock_guard lock(mutex_);
    if (closed_) return std::nullopt;
    return std::exchange(items_, {});
  }

  /// Nothing is to be pushed any more; what is in it is dropped.
  void close() {
    std::deque<T> dropped;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      dropped.swap(items_);
    }
    changed_.notify_all();
  }

 private:
  void wait(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [&] { return closed_ || !items_.empty(); });
  }

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace accrete::server
