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
  /// `ending` comes after `value`.
  void add(std::string_view key, std::string_view value, std::string_view ending = {});

  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  /// How much of Store::max_batch_bytes it would take at most with one more entry of so many bytes, its key included.
  [[nodiscard]] std::uint64_t batch_bytes_with(std::uint64_t more) const noexcept {
    return bytes_ + key_bytes_ + (used_.size() + 1) * entry_overhead + more;
  }

  /// One entry a key, in the order of the keys: then no store has to find out which belong together. Valid until the
  /// batch changes.
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
  void use(std::uint32_t number);

  std::vector<Group> groups_;
  KeyIndex index_;                   // of groups_
  std::vector<std::uint32_t> used_;  // numbers of the groups that have rows
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t key_bytes_ = 0;
};

}  // namespace accrete::cli
