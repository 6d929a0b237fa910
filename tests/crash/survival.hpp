// What may be left of a dataset after a power loss, by its history since it was last synced.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/model.hpp"

namespace accrete::test {

/// Follows what is done to a store and knows what a power loss may leave: of each key at least what was synced and at
/// most what was appended, or, if it was erased since, a part of what was erased.
class Survival {
 public:
  [[nodiscard]] const Model& current() const noexcept { return current_; }

  void append_batch(const OwnedBatch& batch);
  void erase(const std::string& key);
  void drop();
  /// All of the present survives from now on.
  void synced();

  /// A repair has kept what is whole after damage: what was synced, and some of what was appended since.
  void repaired();

  /// The store as it was found after a power loss. Throws unless it may be so; goes on from there.
  void found(const Store& store);

 private:
  void end_life(const std::string& key);
  [[nodiscard]] bool may_be(const std::string& key, const std::optional<std::string>& value) const;

  Model synced_;
  Model current_;
  std::map<WriterId, std::uint64_t> used_;  // the highest sequences, whether they survived or not
  // Since the last sync:
  std::map<std::string, std::vector<std::string>> erased_;  // values; a power loss may bring a part of them back
  std::set<std::string> shortened_;                         // by a recovery, which the next power loss may undo in part
};

}  // namespace accrete::test
