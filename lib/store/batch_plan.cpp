#include "store/batch_plan.hpp"

#include <accrete/error.hpp>
#include <bit>

#include "base/hash.hpp"

namespace accrete {

void BatchPlan::assign(std::span<const Entry> entries) {
  if (entries.size() >= none) {
    throw InvalidArgumentError("a batch may have up to " + std::to_string(none - 1) + " entries; this one has " +
                               std::to_string(entries.size()));
  }
  entries_ = entries;
  groups_.clear();
  next_.assign(entries.size(), none);
  if (entries.size() == 1) {
    groups_.push_back({.key = entries[0].key, .bytes = entries[0].bytes.size()});
    return;
  }
  table_.assign(std::bit_ceil(2 * entries.size()), none);
  const std::size_t mask = table_.size() - 1;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    std::size_t at = hash64(entry.key) & mask;
    while (table_[at] != none && groups_[table_[at]].key != entry.key) at = (at + 1) & mask;
    if (table_[at] == none) {
      table_[at] = static_cast<std::uint32_t>(groups_.size());
      groups_.push_back({.key = entry.key, .first = i, .last = i, .bytes = entry.bytes.size()});
      continue;
    }
    Group& group = groups_[table_[at]];
    next_[group.last] = i;
    group.last = i;
    group.bytes += entry.bytes.size();
  }
}

std::span<const std::string_view> BatchPlan::pieces(const Group& group) {
  pieces_.clear();
  for (std::uint32_t i = group.first; i != none; i = next_[i]) pieces_.push_back(entries_[i].bytes);
  return pieces_;
}

}  // namespace accrete
