// Whether a batch that comes again was applied before.
#pragma once

#include <accrete/store.hpp>
#include <optional>

namespace accrete {

[[nodiscard]] inline bool is_applied(const Store& store, const std::optional<BatchId>& id) {
  if (!id) return false;
  const std::optional<std::uint64_t> last = store.last_sequence(id->writer);
  return last && *last >= id->sequence;
}

}  // namespace accrete
