#include "layout/files/batch_plan.hpp"

#include <accrete/error.hpp>

#include "base/hash.hpp"

namespace accrete {
namespace {

constexpr std::uint32_t none = KeyIndex::none;

}  // namespace

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
  const auto hash_of = [&](std::uint32_t at) { return hash64(groups_[at].key); };
  index_.clear();
  index_.reserve(entries.size(), hash_of);
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    const std::uint64_t hash = hash64(entry.key);
    const std::uint32_t found = index_.find(hash, [&](std::uint32_t at) { return groups_[at].key == entry.key; });
    if (found == none) {
      index_.insert(hash, static_cast<std::uint32_t>(groups_.size()), hash_of);
      groups_.push_back({.key = entry.key, .first = i, .last = i, .bytes = entry.bytes.size()});
      continue;
    }
    Group& group = groups_[found];
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
