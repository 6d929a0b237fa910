// Rows gathered by key, to be appended together.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/key_index.hpp"

namespace accrete::cli {

class Batch {
 public:
  /// `ending` comes behind `value`.
  void add(std::string_view key, std::string_view value, std::string_view ending = {});

  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  /// One entry a key, in the order in which the keys first came. Valid until the batch changes.
  [[nodiscard]] std::vector<Entry> entries() const;

  /// Empties it. Keeps the memory for a next batch with the same keys, unless that would be much.
  void clear();

 private:
  struct Group {
    std::string key;
    std::string value;
    std::uint64_t hash = 0;
    bool used = false;
  };

  Group& group_of(std::string_view key);

  std::vector<Group> groups_;
  KeyIndex index_;                   // of groups_
  std::vector<std::uint32_t> used_;  // numbers of the groups that have rows
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace accrete::cli
