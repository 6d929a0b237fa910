// The open files of the values that were appended to last, least recently used first to go.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.hpp"
#include "layout/files/descriptor_budget.hpp"
#include "os/env.hpp"

namespace accrete {

/// Not thread-safe.
class DescriptorCache {
 public:
  struct Value {
    std::string key;
    std::shared_ptr<File> file;  // shared with readers, who keep it open over an eviction
    std::uint64_t size = 0;
    bool is_linked = false;   // the file has another name, too
    std::uint64_t epoch = 0;  // of the owner's: when both were right
  };

  /// No more than `limit`, and no more than `budget` allows.
  DescriptorCache(DescriptorBudget& budget, std::size_t limit) noexcept : share_(budget, limit) {}

  /// Whether `count` files can be kept open at once; gives back what other caches of the process lack.
  [[nodiscard]] bool make_room(std::size_t count);

  /// nullptr if it is not there; otherwise makes it the one to go last. Valid until as many others were found or added
  /// as there was room made for.
  [[nodiscard]] Value* find(std::string_view key);

  /// Does not change the order. nullptr if it is not there.
  [[nodiscard]] std::shared_ptr<File> peek(std::string_view key) const;

  Value& add(std::string_view key, std::shared_ptr<File> file);
  void remove(std::string_view key);
  void clear() noexcept;

  /// Closes half of the files. False if there are none.
  bool shrink();

  /// The most that it may ever keep open.
  [[nodiscard]] std::size_t limit() const noexcept { return share_.limit(); }

 private:
  /// Not noexcept, so that the map keeps the hashes instead of asking for them again.
  struct Hash {
    std::size_t operator()(std::string_view key) const { return hash64(key); }
  };

  void remove_oldest();

  DescriptorBudget::Share share_;                                                 // no fewer than values_
  std::list<Value> values_;                                                       // the first goes last
  std::unordered_map<std::string_view, std::list<Value>::iterator, Hash> index_;  // keys point into values_
};

}  // namespace accrete
