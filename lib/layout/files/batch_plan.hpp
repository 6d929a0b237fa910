// The entries of a batch by key: one group a key, in the order in which the keys first stand in the batch.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/key_index.hpp"
#include "layout/files/descriptor_cache.hpp"

namespace accrete {

/// Its memory is used again by the next batch.
class BatchPlan {
 public:
  struct Group {
    std::string_view key;
    std::uint32_t first = 0;  // entry
    std::uint32_t last = 0;   // entry
    std::uint64_t bytes = 0;  // of all its entries
    std::optional<std::uint64_t> old_size{};
    bool is_linked = false;                   // its file has another name, too
    DescriptorCache::Value* value = nullptr;  // where the batch fits the cache
  };

  /// Borrows the entries until the next `assign`. Throws InvalidArgumentError for more than 2^32 - 2 entries.
  void assign(std::span<const Entry> entries);

  [[nodiscard]] std::span<Group> groups() noexcept { return groups_; }

  /// The bytes of a group's entries, in order. Valid until the next call.
  [[nodiscard]] std::span<const std::string_view> pieces(const Group& group);

 private:
  std::span<const Entry> entries_;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> next_;  // entry → the next one of its key
  KeyIndex index_;                   // of groups_
  std::vector<std::string_view> pieces_;
};

}  // namespace accrete
