// Which process holds the lock of a file (see file_lock.hpp), and how to ask it to end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace accrete {

/// The process that holds the lock of the file at `path` exclusively; nullopt if nobody does, or if there is no such
/// file. 0 for a process that cannot be named from here: another user's, or of another host or container. A lock of an
/// open file has no process in it, so the system's processes are looked through, `likely` first.
[[nodiscard]] std::optional<std::int64_t> lock_holder(const std::string& path, std::int64_t likely = 0);

/// Sends SIGTERM. Throws IoError if that is not allowed; a process that is gone is fine.
void ask_to_end(std::int64_t process);

}  // namespace accrete
