// Which rows of a table belong to which key.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "field.hpp"
#include "take.hpp"

namespace accrete::python {

/// The rows of each key. They keep their order.
class Groups {
 public:
  /// `codes` has the number of each row's group, below `count`.
  Groups(std::span<const std::uint32_t> codes, std::size_t count);

  [[nodiscard]] std::size_t count() const noexcept { return ends_.size(); }
  [[nodiscard]] Rows rows(std::size_t group) const noexcept {
    const std::size_t begin = group == 0 ? 0 : ends_[group - 1];
    return Rows(rows_).subspan(begin, ends_[group] - begin);
  }

 private:
  std::vector<std::uint32_t> rows_;
  std::vector<std::size_t> ends_;
};

struct KeyedGroups {
  Groups groups;
  std::vector<std::string> keys;  ///< of each group
};

/// By the value of a column: a string or bytes as they are, an int packed as key_packing.hpp has it; of several columns
/// a packed tuple. Rows with a null in one of them go to `null_key`. Throws InvalidArgumentError if there is none, for
/// a column that there is not, and for one of another type.
[[nodiscard]] KeyedGroups group_by_columns(const Column& table, std::span<const std::string> names,
                                           const std::optional<std::string>& null_key);

/// By numbers below `count`, of which the keys are packed ints. Throws InvalidArgumentError for others.
[[nodiscard]] KeyedGroups group_by_codes(std::span<const std::int64_t> codes, std::size_t count);

}  // namespace accrete::python
