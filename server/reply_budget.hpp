// How much memory replies may take that are not sent yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace accrete::server {

/// For any number of threads.
class ReplyBudget {
 public:
  /// A part of the budget, given back when it is destroyed.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Share() {
      if (budget_) budget_->used_ -= bytes_;
    }

   private:
    friend class ReplyBudget;
    Share(ReplyBudget& budget, std::uint64_t bytes) noexcept : budget_(&budget), bytes_(bytes) {}
    ReplyBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  explicit ReplyBudget(std::uint64_t limit) noexcept : limit_(limit) {}

  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }

  /// Adds `bytes` to `share`, which is of this budget or empty; false, and nothing is added, if that is too much.
  [[nodiscard]] bool try_add(Share& share, std::uint64_t bytes) noexcept {
    std::uint64_t used = used_;
    do {
      if (used > limit_ || bytes > limit_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    share.budget_ = this;
    share.bytes_ += bytes;
    return true;
  }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_ = 0;
};

}  // namespace accrete::server
