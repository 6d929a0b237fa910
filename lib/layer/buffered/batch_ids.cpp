#include "layer/buffered/batch_ids.hpp"

#include <algorithm>

namespace accrete {

std::optional<BatchIds::LastSequence> BatchIds::find(const WriterId& writer) const {
  const auto found = writers_.find(writer);
  if (found == writers_.end()) return std::nullopt;
  return LastSequence{found->second.sequence};
}

void BatchIds::learn(const WriterId& writer, std::optional<std::uint64_t> sequence) {
  make_room();
  writers_.insert_or_assign(writer, State{.sequence = sequence});
}

/// Of what the store below knows it can be asked again.
void BatchIds::make_room() noexcept {
  if (is_crowded()) std::erase_if(writers_, [](const auto& entry) { return !entry.second.unsaved; });
}

void BatchIds::add(const BatchId& id) {
  const auto found = writers_.find(id.writer);
  undo_.push_back(
      {.writer = id.writer, .before = found == writers_.end() ? std::nullopt : std::optional(found->second)});
  writers_.insert_or_assign(id.writer, State{.sequence = id.sequence, .unsaved = true});
}

void BatchIds::take_back(const Undo& undo, std::map<WriterId, State>& writers) {
  if (undo.before) {
    writers[undo.writer] = *undo.before;
  } else {
    writers.erase(undo.writer);
  }
}

void BatchIds::take_back_to(std::size_t count) noexcept {
  for (; undo_.size() > count; undo_.pop_back()) take_back(undo_.back(), writers_);
}

std::vector<BatchId> BatchIds::unsaved() const {
  std::map<WriterId, State> kept = writers_;
  // What is being applied may fail still.
  std::for_each(undo_.rbegin(), undo_.rend(), [&](const Undo& undo) { take_back(undo, kept); });
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
