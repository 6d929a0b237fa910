// A list whose elements stay where they are while it grows, and are found by a shift and a mask.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace accrete {

/// Rejected: std::deque, whose blocks of 512 bytes make finding an element a division.
template <typename T>
class BlockList {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T& operator[](std::size_t at) noexcept { return (*blocks_[at / block_size])[at % block_size]; }
  [[nodiscard]] const T& operator[](std::size_t at) const noexcept {
    return (*blocks_[at / block_size])[at % block_size];
  }
  [[nodiscard]] T& back() noexcept { return (*this)[size_ - 1]; }

  /// So many elements fit, and to add those allocates nothing.
  void reserve(std::size_t size) {
    while (size > blocks_.size() * block_size) blocks_.push_back(std::make_unique<Block>());
  }

  void push_back(T&& element) {
    reserve(size_ + 1);
    (*this)[size_] = std::move(element);
    ++size_;
  }

 private:
  static constexpr std::size_t block_size = 256;

  using Block = std::array<T, block_size>;

  std::vector<std::unique_ptr<Block>> blocks_;
  std::size_t size_ = 0;
};

}  // namespace accrete
