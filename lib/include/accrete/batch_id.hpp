// The name of a batch, by which it is applied once however often it is sent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace accrete {

/// Names a writer for good, across processes and restarts: a UUID or a hash of a name.
using WriterId = std::array<std::byte, 16>;

/// Names a batch. A writer's sequence numbers rise; they need not be consecutive.
struct BatchId {
  WriterId writer{};
  std::uint64_t sequence = 0;
};

}  // namespace accrete
