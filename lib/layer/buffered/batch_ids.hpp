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
  /// Of writers of which the store below knows all, and of which it is to be told. It is asked again of others.
  static constexpr std::size_t max_known = 8192;

  /// What the writer's last sequence is: nullopt if it has none.
  struct LastSequence {
    std::optional<std::uint64_t> sequence{};
  };
  /// nullopt if it is not known here, and the store below knows.
  [[nodiscard]] std::optional<LastSequence> find(const WriterId& writer) const;

  /// What the store below says of a writer.
  void learn(const WriterId& writer, std::optional<std::uint64_t> sequence);

  /// Of a batch that is being applied.
  void add(const BatchId& id);
  /// How many were added since the last `keep`.
  [[nodiscard]] std::size_t pending() const noexcept { return undo_.size(); }
  /// They have been applied.
  void keep() noexcept { undo_.clear(); }
  /// They have not, but for the first `count`, of which it is not known yet.
  void take_back_to(std::size_t count) noexcept;

  /// There are so many that the store below should be told.
  [[nodiscard]] bool is_crowded() const noexcept { return writers_.size() >= max_known + undo_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return writers_.size(); }

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
    std::optional<State> before{};  // nullopt: not known
  };

  void make_room() noexcept;
  static void take_back(const Undo& undo, std::map<WriterId, State>& writers);

  std::map<WriterId, State> writers_;
  std::vector<Undo> undo_;
};

}  // namespace accrete
