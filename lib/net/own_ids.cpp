#include "net/own_ids.hpp"

#include <algorithm>

#include "base/own_writer.hpp"
#include "net/protocol.hpp"
#include "os/system.hpp"

namespace accrete {

BatchId OwnIds::take(std::uint64_t forgotten) {
  const std::lock_guard lock(mutex_);
  auto at = std::find_if(writers_.begin(), writers_.end(), [](const auto& entry) { return !entry.second.is_open; });
  if (at == writers_.end()) at = writers_.try_emplace(make_own_writer(random_u64(), forgotten)).first;
  at->second.is_open = true;
  return {.writer = at->first, .sequence = ++at->second.last};
}

void OwnIds::settle(const BatchId& id) noexcept {
  const std::lock_guard lock(mutex_);
  const auto at = writers_.find(id.writer);
  if (at != writers_.end() && at->second.last == id.sequence) at->second.is_open = false;
}

std::vector<WriterId> OwnIds::settled_writers() const {
  const std::lock_guard lock(mutex_);
  std::vector<WriterId> settled;
  for (const auto& [writer, state] : writers_) {
    if (settled.size() == wire::max_ended_writers) break;
    if (!state.is_open) settled.push_back(writer);
  }
  return settled;
}

}  // namespace accrete
