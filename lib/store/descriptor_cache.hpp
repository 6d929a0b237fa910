// The open files of the values that were appended to last, least recently used first to go.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.hpp"
#include "os/env.hpp"

namespace accrete {

/// Not thread-safe.
class DescriptorCache {
 public:
  struct Value {
    std::string key;
    std::shared_ptr<File> file;  // shared with readers, who keep it open over an eviction
    std::uint64_t size = 0;
    std::uint64_t epoch = 0;  // of the owner's: when `size` was right
  };

  explicit DescriptorCache(std::size_t capacity) noexcept : capacity_(capacity) {}

  /// nullptr if it is not there; otherwise makes it the one to go last. Valid until capacity() others were found or
  /// added.
  [[nodiscard]] Value* find(std::string_view key);

  /// Does not change the order. nullptr if it is not there.
  [[nodiscard]] std::shared_ptr<File> peek(std::string_view key) const;

  Value& add(std::string_view key, std::shared_ptr<File> file);
  void remove(std::string_view key);
  void clear() noexcept;

  /// Closes half of the files. False if there are none.
  bool shrink();

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  struct Hash {
    std::size_t operator()(std::string_view key) const noexcept { return hash64(key); }
  };

  void remove_oldest();

  std::size_t capacity_;
  std::list<Value> values_;                                                       // the first goes last
  std::unordered_map<std::string_view, std::list<Value>::iterator, Hash> index_;  // keys point into values_
};

}  // namespace accrete
