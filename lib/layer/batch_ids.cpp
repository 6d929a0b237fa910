#include "layer/batch_ids.hpp"

#include <algorithm>

namespace accrete {

std::optional<BatchIds::Known> BatchIds::find(const WriterId& writer) const {
  const auto found = writers_.find(writer);
  if (found == writers_.end()) return std::nullopt;
  return Known{found->second.sequence};
}

void BatchIds::learn(const WriterId& writer, std::optional<std::uint64_t> sequence) {
  writers_.insert_or_assign(writer, State{.sequence = sequence});
}

void BatchIds::add(const BatchId& id) {
  State& state = writers_[id.writer];
  undo_.push_back({.writer = id.writer, .before = state});
  state = {.sequence = id.sequence, .unsaved = true};
}

void BatchIds::take_back_to(std::size_t count) noexcept {
  for (; undo_.size() > count; undo_.pop_back()) writers_[undo_.back().writer] = undo_.back().before;
}

std::vector<BatchId> BatchIds::unsaved() const {
  std::map<WriterId, State> kept = writers_;
  // What is being applied may fail still.
  std::for_each(undo_.rbegin(), undo_.rend(), [&](const Undo& undo) { kept[undo.writer] = undo.before; });
  std::vector<BatchId> ids;
  for (const auto& [writer, state] : kept) {
    if (state.unsaved) ids.push_back({.writer = writer, .sequence = *state.sequence});
  }
  return ids;
}

void BatchIds::saved(const std::vector<BatchId>& ids) noexcept {
  for (const BatchId& id : ids) {
    const auto found = writers_.find(id.writer);
    if (found != writers_.end() && found->second.sequence == id.sequence) found->second.unsaved = false;
  }
}

}  // namespace accrete
