#include "layout/files/descriptor_cache.hpp"

#include <utility>

namespace accrete {

bool DescriptorCache::make_room(std::size_t count) {
  const std::size_t fair = share_.fair_size();
  if (fair < share_.size()) {
    while (values_.size() > fair) remove_oldest();
    share_.shrink_to(fair);
  }
  while (share_.size() < count) {
    if (!share_.try_grow()) return false;
  }
  return true;
}

DescriptorCache::Value* DescriptorCache::find(std::string_view key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  values_.splice(values_.begin(), values_, found->second);
  return &*found->second;
}

std::shared_ptr<File> DescriptorCache::peek(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : found->second->file;
}

DescriptorCache::Value& DescriptorCache::add(std::string_view key, std::shared_ptr<File> file) {
  if (values_.size() >= share_.size() && !share_.try_grow()) remove_oldest();
  values_.push_front({.key = std::string(key), .file = std::move(file)});
  try {
    index_[values_.front().key] = values_.begin();
  } catch (...) {
    values_.pop_front();
    throw;
  }
  return values_.front();
}

void DescriptorCache::remove(std::string_view key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  const auto value = found->second;
  index_.erase(found);
  values_.erase(value);
}

void DescriptorCache::clear() noexcept {
  index_.clear();
  values_.clear();
  share_.shrink_to(0);
}

bool DescriptorCache::shrink() {
  if (values_.empty()) return false;
  for (std::size_t left = values_.size() / 2; values_.size() > left;) remove_oldest();
  share_.shrink_to(values_.size());
  return true;
}

void DescriptorCache::remove_oldest() {
  index_.erase(values_.back().key);
  values_.pop_back();
}

}  // namespace accrete
