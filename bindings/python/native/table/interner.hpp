// Numbers values in the order in which they are first met: equal ones have one number.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/hash.hpp"

namespace accrete::python {

/// `Value` is copied; where it is a view, what it views must stay.
template <typename Value>
class Interner {
 public:
  Interner() : slots_(std::size_t{1} << initial_bits) {}

  std::uint32_t number_of(Value value) {
    const std::uint64_t hash = hash_of(value);
    const auto tag = static_cast<std::uint32_t>(hash);
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = (hash >> 32U) & mask;
    for (; slots_[at].number != none; at = (at + 1) & mask) {
      if (slots_[at].tag == tag && values_[slots_[at].number] == value) return slots_[at].number;
    }
    const auto number = static_cast<std::uint32_t>(values_.size());
    slots_[at] = {tag, number};
    values_.push_back(value);
    hashes_.push_back(hash);
    if (values_.size() * 2 > slots_.size()) grow();
    return number;
  }

  /// By number.
  [[nodiscard]] const std::vector<Value>& values() const noexcept { return values_; }

 private:
  static constexpr std::size_t initial_bits = 8;
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t number = none;
  };

  static std::uint64_t hash_of(std::string_view bytes) noexcept { return hash64(bytes); }
  /// Fibonacci's, folded: neighbours lie apart in the high bits, too.
  static std::uint64_t hash_of(std::uint64_t number) noexcept {
    constexpr std::uint64_t golden = 0x9E3779B97F4A7C15;
    number *= golden;
    return (number ^ number >> 32U) * golden;
  }

  void grow() {
    slots_.assign(slots_.size() * 4, {});
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t number = 0; number < hashes_.size(); ++number) {
      std::size_t at = (hashes_[number] >> 32U) & mask;
      while (slots_[at].number != none) at = (at + 1) & mask;
      slots_[at] = {static_cast<std::uint32_t>(hashes_[number]), static_cast<std::uint32_t>(number)};
    }
  }

  std::vector<Slot> slots_;
  std::vector<Value> values_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace accrete::python
