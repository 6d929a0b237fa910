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
/// most what was appended, or, if it was erased since, any of its lives.
class Survival {
 public:
  [[nodiscard]] const Model& current() const noexcept { return current_; }

  void append_batch(const OwnedBatch& batch);
  void erase(const std::string& key);
  void drop();
  /// All of the present survives from now on.
  void synced();

  /// The store as it was found after a power loss. Throws unless it may be so; goes on from there.
  void found(const Store& store);

 private:
  /// One life of a key: from its first append, or from the last sync, to its erase.
  struct Life {
    std::optional<std::string> at_least;  // nullopt: the key may be missing
    std::string at_most;
  };

  void end_life(const std::string& key);
  [[nodiscard]] bool may_be(const std::string& key, const std::optional<std::string>& value) const;

  Model synced_;
  Model current_;
  // Since the last sync:
  std::map<std::string, std::vector<Life>> ended_;
  std::set<std::string> shortened_;  // by a recovery, which the next power loss may undo in part
};

}  // namespace accrete::test
