#include "store/descriptor_cache.hpp"

#include <utility>

namespace accrete {

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
  while (values_.size() >= capacity_ && !values_.empty()) remove_oldest();
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
}

bool DescriptorCache::shrink() {
  if (values_.empty()) return false;
  for (std::size_t left = values_.size() / 2; values_.size() > left;) remove_oldest();
  return true;
}

void DescriptorCache::remove_oldest() {
  index_.erase(values_.back().key);
  values_.pop_back();
}

}  // namespace accrete
