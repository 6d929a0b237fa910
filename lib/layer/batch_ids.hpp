// Which batches a buffer has applied: the last sequence of each writer, and what of that the store below does not know
// yet.
#pragma once

#include <accrete/store.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace accrete {

/// For one thread at a time.
class BatchIds {
 public:
  /// nullopt if the writer has not been looked up in the store below since the last `add` or `learn`.
  struct Known {
    std::optional<std::uint64_t> sequence{};
  };
  [[nodiscard]] std::optional<Known> find(const WriterId& writer) const;

  /// What the store below says of a writer.
  void learn(const WriterId& writer, std::optional<std::uint64_t> sequence);

  /// Of a batch that is being applied. The writer must be known.
  void add(const BatchId& id);
  /// How many were added since the last `keep`.
  [[nodiscard]] std::size_t pending() const noexcept { return undo_.size(); }
  /// They have been applied.
  void keep() noexcept { undo_.clear(); }
  /// They have not, but for the first `count`, of which it is not known yet.
  void take_back_to(std::size_t count) noexcept;

  /// Those that the store below is to be told, the highest of each writer.
  [[nodiscard]] std::vector<BatchId> unsaved() const;
  /// It has been told.
  void saved(const std::vector<BatchId>& ids) noexcept;

  /// The writer will not come again.
  void forget(const WriterId& writer) noexcept { writers_.erase(writer); }

 private:
  struct State {
    std::optional<std::uint64_t> sequence{};
    bool unsaved = false;
  };
  struct Undo {
    WriterId writer{};
    State before{};
  };

  std::map<WriterId, State> writers_;
  std::vector<Undo> undo_;
};

}  // namespace accrete
