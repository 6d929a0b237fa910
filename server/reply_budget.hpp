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

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

   private:
    friend class ReplyBudget;
    Share(ReplyBudget& budget, std::uint64_t bytes) noexcept : budget_(&budget), bytes_(bytes) {}
    ReplyBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  explicit ReplyBudget(std::uint64_t limit) noexcept : limit_(limit) {}

  /// The most bytes that a reply may have. What is beyond is for small ones, so that large replies which nobody reads
  /// do not keep those out.
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_ / 4 * 3; }

  /// Adds `bytes` to `share`, which is of this budget or empty; false, and nothing is added, if that is too much.
  [[nodiscard]] bool try_add(Share& share, std::uint64_t bytes) noexcept {
    constexpr std::uint64_t small = std::uint64_t{64} << 10;
    const std::uint64_t max_used = share.bytes_ + bytes <= small ? limit_ : limit();
    std::uint64_t used = used_;
    do {
      if (used > max_used || bytes > max_used - used) return false;
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
