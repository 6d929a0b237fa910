// A process, told from all others that have had its number or have it elsewhere.
#pragma once

#include <cstdint>
#include <optional>

namespace accrete {

struct Process {
  std::uint64_t number = 0;  ///< in its namespace
  std::uint64_t start = 0;   ///< clock ticks from the system's start to its own; 0: not known
  std::uint64_t pid_namespace = 0;

  friend bool operator==(const Process&, const Process&) = default;
};

[[nodiscard]] Process this_process();

/// The process that has this number here, as it knows itself: in a container it has another number. nullopt if that
/// cannot be told.
[[nodiscard]] std::optional<Process> process_as_it_knows_itself(std::int64_t number);

/// False where that cannot be told for certain: of another container or system, or without /proc.
[[nodiscard]] bool is_certainly_alive(const Process& process);
/// As above.
[[nodiscard]] bool is_certainly_dead(const Process& process);

}  // namespace accrete
