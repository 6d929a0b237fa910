// How many files of values all Stores of a process may keep open together: half of its descriptors. The others are the
// program's own.
#pragma once

#include <atomic>
#include <cstddef>

namespace accrete {

/// For any number of threads.
class DescriptorBudget {
 public:
  /// What one Store has of it: at least one descriptor, be there any left or not. For one thread at a time.
  class Share {
   public:
    /// It never exceeds `limit`.
    Share(DescriptorBudget& budget, std::size_t limit) noexcept;
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
    /// Takes one more; false if there is none.
    [[nodiscard]] bool try_grow() noexcept;
    void shrink_to(std::size_t size) noexcept;
    /// What it is to give back down to, since there is nothing left for the others; size() if it has no more than they.
    [[nodiscard]] std::size_t fair_size() const noexcept;

   private:
    DescriptorBudget& budget_;
    const std::size_t limit_;
    std::size_t size_ = 1;
  };

  /// Also for the shares that there are.
  void set_limit(std::size_t limit) noexcept { limit_ = limit; }

 private:
  std::atomic<std::size_t> limit_ = 1;
  std::atomic<std::size_t> used_ = 0;
  std::atomic<std::size_t> shares_ = 0;
};

/// That of the process, as its descriptors are.
[[nodiscard]] DescriptorBudget& descriptor_budget() noexcept;

}  // namespace accrete
