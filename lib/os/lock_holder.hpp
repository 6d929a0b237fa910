// Which process holds the lock of a file (see dataset_lock.hpp), and how to ask it to end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace accrete {

/// The process that holds the record lock of the file at `path`; nullopt if nobody does, or if there is no such file. 0
/// for a process that cannot be named from here: of another host or container. Not for a process that has a DatasetLock
/// of the file: looking at it drops that lock.
[[nodiscard]] std::optional<std::int64_t> lock_holder(const std::string& path);

/// Sends SIGTERM. Throws IoError if that is not allowed; a process that is gone is fine.
void ask_to_end(std::int64_t process);

}  // namespace accrete
