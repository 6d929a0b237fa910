// Which process holds the lock of a file (see file_lock.hpp), and how to ask it to end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/process.hpp"

namespace accrete {

/// The process that holds the lock of the file at `path` exclusively; nullopt if nobody does, or if there is no such
/// file. 0 for a process that cannot be named from here: another user's, or of another host or container. A lock of an
/// open file has no process in it, so the system's processes are looked through, `likely` first.
[[nodiscard]] std::optional<std::int64_t> lock_holder(const std::string& path, std::int64_t likely = 0);

/// Whether another process of this system lives and has exclusively locked a file with the name and the inode's number
/// of the one at `path`: it may be the same file on another file system, through a view of it, and the lock one that
/// does not reach this process. False where that cannot be told.
[[nodiscard]] bool has_locked_anywhere(const Process& process, const std::string& path);

/// Sends SIGTERM. Throws IoError if that is not allowed; a process that is gone is fine.
void ask_to_end(std::int64_t process);

}  // namespace accrete
