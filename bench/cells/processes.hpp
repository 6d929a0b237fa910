// Processes that begin together, and what they take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <sys/types.h>

namespace bench {

struct Taken {
  double seconds = 0;              ///< until the last process is done
  double cpu_seconds = 0;          ///< of all processes, the server included
  std::uint64_t memory_bytes = 0;  ///< growth of the resident memory, at its peak, of all of them
};

/// What is timed; returns the part of it that is not to count, but for memory.
using Work = std::function<Taken()>;

/// Each process prepares itself; then all do their work, which is timed, and at last this one finishes. One process is
/// this one; more are forked from it. What a process holds for its work goes with the Work, after the clock has
/// stopped. Throws what a process throws.
Taken run_together(std::size_t processes, std::optional<pid_t> server,
                   const std::function<Work(std::size_t process)>& prepare, const std::function<void()>& finish);

}  // namespace bench
