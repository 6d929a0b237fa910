// Objects that are costly to make and for one thread at a time, for many threads.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <utility>

namespace accrete {

/// Keeps what threads give back, up to 8, and makes more where none is left. Without a mutex, so that a forked child
/// can use it whatever other threads did at the fork.
template <class T>
class Pool {
 public:
  struct GiveBack {
    Pool* pool = nullptr;
    void operator()(T* used) const noexcept { pool->give_back(std::unique_ptr<T>(used)); }
  };
  /// Goes back to the pool, which must still be there.
  using Lease = std::unique_ptr<T, GiveBack>;

  explicit Pool(std::function<std::unique_ptr<T>()> make) : make_(std::move(make)) {}
  ~Pool() {
    for (const std::atomic<T*>& spare : spares_) delete spare.load();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  [[nodiscard]] Lease take() {
    for (std::atomic<T*>& spare : spares_) {
      if (!spare.load(std::memory_order_relaxed)) continue;
      if (T* const taken = spare.exchange(nullptr, std::memory_order_acquire)) return Lease(taken, {this});
    }
    return Lease(make_().release(), {this});
  }

 private:
  void give_back(std::unique_ptr<T> used) noexcept {
    for (std::atomic<T*>& spare : spares_) {
      T* nothing = nullptr;
      if (!spare.compare_exchange_strong(nothing, used.get(), std::memory_order_release, std::memory_order_relaxed)) {
        continue;
      }
      static_cast<void>(used.release());
      return;
    }
  }

  const std::function<std::unique_ptr<T>()> make_;
  std::array<std::atomic<T*>, 8> spares_{};
};

}  // namespace accrete
