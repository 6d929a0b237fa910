// Processes that begin together, and the clock around them.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <sys/types.h>

#include "resources.hpp"

namespace bench {

struct Timed {
  double seconds = 0;  ///< until the last one is done
  Usage usage{};       ///< of all, the server included
};

/// What is timed; returns the part of it that is not to count, but for memory.
using Work = std::function<Timed()>;

/// Each process prepares itself; then all do their work, which is timed, and at last this one finishes. One process is
/// this one; more are forked from it. What a process holds for its work goes with the Work, after the clock has
/// stopped. Throws what a process throws.
Timed run_together(std::size_t processes, std::optional<pid_t> server,
                   const std::function<Work(std::size_t process)>& prepare, const std::function<void()>& finish);

}  // namespace bench
