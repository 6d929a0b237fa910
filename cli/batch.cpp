#include "cli/batch.hpp"

#include "base/hash.hpp"

namespace accrete::cli {
namespace {

constexpr std::size_t first_slots = 1024;
constexpr std::size_t most_kept_bytes = 64 << 20;

}  // namespace

void Batch::add(std::string_view key, std::string_view value, std::string_view ending) {
  Group& group = group_of(key);
  group.value.append(value);
  if (!ending.empty()) group.value.append(ending);
  ++rows_;
  bytes_ += value.size() + ending.size();
}

Batch::Group& Batch::group_of(std::string_view key) {
  if (2 * (groups_.size() + 1) > slots_.size()) double_slots();
  const std::uint64_t hash = hash64(key);
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at] != 0) {
    Group& group = groups_[slots_[at] - 1];
    if (group.hash == hash && group.key == key) {
      if (!group.used) used_.push_back(slots_[at] - 1);
      group.used = true;
      return group;
    }
    at = (at + 1) & (slots_.size() - 1);
  }
  const auto number = static_cast<std::uint32_t>(groups_.size());
  slots_[at] = number + 1;
  used_.push_back(number);
  return groups_.emplace_back(Group{.key = std::string(key), .value = {}, .hash = hash, .used = true});
}

void Batch::double_slots() {
  slots_.assign(slots_.empty() ? first_slots : 2 * slots_.size(), 0);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    std::size_t at = groups_[i].hash & (slots_.size() - 1);
    while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

std::vector<Entry> Batch::entries() const {
  std::vector<Entry> entries;
  entries.reserve(used_.size());
  for (const std::uint32_t number : used_) entries.push_back({groups_[number].key, groups_[number].value});
  return entries;
}

void Batch::clear() {
  rows_ = 0;
  bytes_ = 0;
  std::size_t kept = groups_.size() * (sizeof(Group) + max_key_size);
  for (const Group& group : groups_) kept += group.value.capacity();
  if (kept > most_kept_bytes) {
    *this = Batch{};
    return;
  }
  for (const std::uint32_t number : used_) {
    groups_[number].value.clear();
    groups_[number].used = false;
  }
  used_.clear();
}

}  // namespace accrete::cli
