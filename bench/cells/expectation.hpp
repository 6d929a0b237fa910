// What the values must be: each holds all that was appended to its key, once and in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "workload.hpp"

namespace bench {

class Expectation {
 public:
  /// Append j was process j mod `processes`'s.
  Expectation(const Workload& workload, std::size_t processes);

  [[nodiscard]] std::uint64_t size_of(std::uint64_t key) const noexcept;

  /// Throws std::runtime_error, with the key and the offset, unless the value is the entries of the key in their order.
  /// Of several processes, any merge that keeps the order of each is right.
  void check(std::uint64_t key, std::string_view value) const;

 private:
  [[nodiscard]] std::span<const std::uint32_t> appends_to(std::uint64_t key) const noexcept;

  const Workload& workload_;
  std::size_t processes_;
  std::vector<std::uint64_t> begins_;   ///< in appends_, of each key and of the end
  std::vector<std::uint32_t> appends_;  ///< by key, and in order within one
};

}  // namespace bench
