// The entries of a batch by key, with what is known of their values' files.
#pragma once

#include <cstdint>
#include <optional>

#include "base/entry_groups.hpp"
#include "layout/files/descriptor_cache.hpp"

namespace accrete {

struct ValueGroup : EntryGroup {
  std::optional<std::uint64_t> old_size{};
  bool is_linked = false;                   // its file has another name, too
  DescriptorCache::Value* value = nullptr;  // where the batch fits the cache
};

using BatchPlan = EntryGroups<ValueGroup>;

}  // namespace accrete
