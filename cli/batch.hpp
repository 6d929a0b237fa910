// Rows gathered by key, to be appended together.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  void double_slots();

  std::vector<Group> groups_;
  std::vector<std::uint32_t> used_;   // numbers of the groups that have rows
  std::vector<std::uint32_t> slots_;  // open addressing, a power of two of them: number of a group + 1; 0 is free
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace accrete::cli
