#include "cli/load/batch.hpp"

#include "base/hash.hpp"

namespace accrete::cli {
namespace {

constexpr std::size_t max_kept_bytes = 64 << 20;

}  // namespace

void Batch::add(std::string_view key, std::string_view value, std::string_view ending) {
  Group& group = group_of(key, hash64(key));
  group.value.append(value);
  if (!ending.empty()) group.value.append(ending);
  ++rows_;
  bytes_ += value.size() + ending.size();
}

void Batch::add(const Batch& other) {
  for (const std::uint32_t number : other.used_) {
    const Group& group = other.groups_[number];
    group_of(group.key, group.hash).value.append(group.value);
  }
  rows_ += other.rows_;
  bytes_ += other.bytes_;
}

Batch::Group& Batch::group_of(std::string_view key, std::uint64_t hash) {
  const std::uint32_t found =
      index_.find(hash, [&](std::uint32_t at) { return groups_[at].hash == hash && groups_[at].key == key; });
  if (found != KeyIndex::none) {
    Group& group = groups_[found];
    if (!group.used) use(found);
    return group;
  }
  const auto number = static_cast<std::uint32_t>(groups_.size());
  groups_.push_back({.key = std::string(key), .value = {}, .hash = hash});
  index_.insert(hash, number, [&](std::uint32_t at) { return groups_[at].hash; });
  use(number);
  return groups_.back();
}

void Batch::use(std::uint32_t number) {
  used_.push_back(number);
  groups_[number].used = true;
  key_bytes_ += groups_[number].key.size();
}

void Batch::append_entries(std::vector<Entry>& to) const {
  to.reserve(to.size() + used_.size());
  for (const std::uint32_t number : used_) to.push_back({groups_[number].key, groups_[number].value});
}

void Batch::clear() {
  rows_ = 0;
  bytes_ = 0;
  key_bytes_ = 0;
  std::size_t kept = groups_.size() * (sizeof(Group) + max_key_size);
  for (const Group& group : groups_) kept += group.value.capacity();
  if (kept > max_kept_bytes) {
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
