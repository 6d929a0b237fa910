// Keys of stores that have no append: each entry is a record of its own, and a number puts those of a key in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bench {

/// The key and, after it, a number whose bytes sort as it does. All keys of a workload have one length, so none is the
/// beginning of another.
class NumberedKey {
 public:
  NumberedKey(std::string_view key, std::uint64_t number) noexcept : size_(key.size() + sizeof number) {
    key.copy(bytes_.data(), key.size());
    for (std::size_t i = size_; i-- > key.size(); number >>= 8U) bytes_[i] = static_cast<char>(number & 0xffU);
  }

  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<char, 64> bytes_;  // more than the keys of a workload have
  std::size_t size_;
};

}  // namespace bench
