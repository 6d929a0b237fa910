#include "layout/files/descriptor_budget.hpp"

#include <algorithm>

namespace accrete {

DescriptorBudget::Share::Share(DescriptorBudget& budget, std::size_t limit) noexcept
    : budget_(budget), limit_(std::max<std::size_t>(limit, 1)) {
  ++budget_.used_;
  ++budget_.shares_;
}

DescriptorBudget::Share::~Share() {
  budget_.used_ -= size_;
  --budget_.shares_;
}

bool DescriptorBudget::Share::try_grow() noexcept {
  if (size_ >= limit_) return false;
  std::size_t used = budget_.used_;
  do {
    if (used >= budget_.limit_) return false;
  } while (!budget_.used_.compare_exchange_weak(used, used + 1));
  ++size_;
  return true;
}

void DescriptorBudget::Share::shrink_to(std::size_t size) noexcept {
  const std::size_t left = std::clamp<std::size_t>(size, 1, size_);
  budget_.used_ -= size_ - left;
  size_ = left;
}

std::size_t DescriptorBudget::Share::fair_size() const noexcept {
  const std::size_t limit = budget_.limit_;
  if (budget_.used_ < limit) return size_;
  return std::clamp<std::size_t>(limit / budget_.shares_, 1, size_);
}

DescriptorBudget& descriptor_budget() noexcept {
  static DescriptorBudget budget;
  return budget;
}

}  // namespace accrete
