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

  /// All rows of another one, after its own.
  void add(const Batch& other);

  /// How much of Store::max_batch_bytes it takes at most.
  [[nodiscard]] std::uint64_t store_bytes() const noexcept {
    return bytes_ + key_bytes_ + used_.size() * entry_overhead;
  }

  /// Appends one entry a key. They are valid until the batch changes.
  void append_entries(std::vector<Entry>& to) const;

  /// Empties it. Keeps the memory for a next batch with the same keys, unless that would be much.
  void clear();

 private:
  struct Group {
    std::string key;
    std::string value;
    std::uint64_t hash = 0;
    bool used = false;
  };

  Group& group_of(std::string_view key, std::uint64_t hash);
  void use(std::uint32_t number);

  std::vector<Group> groups_;
  KeyIndex index_;                   // of groups_
  std::vector<std::uint32_t> used_;  // numbers of the groups that have rows
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t key_bytes_ = 0;
};

}  // namespace accrete::cli
