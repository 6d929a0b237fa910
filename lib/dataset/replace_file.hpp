// Files that are written whole.
#pragma once

#include <string>
#include <string_view>

#include "os/env.hpp"

namespace accrete {

/// Writes and syncs a file of a name that is free.
void write_new(Directory& directory, const std::string& name, std::string_view bytes);

void remove_if_there(Directory& directory, const std::string& name);

/// Whether the file, if it is there, has another name, too.
[[nodiscard]] bool is_shared(const Directory& directory, const std::string& name);

/// Gives the file `name` an inode of its own with the same bytes, at once or not at all, however the process ends. What
/// has the file open keeps the old one. Needs the dataset's lock exclusively.
void replace_by_copy(Directory& directory, const std::string& name);

/// Puts a file with these bytes in the place of `name`, if there is one, at once or not at all: under the name `staged`
/// first. It has the rights of that, or else those of the dataset's lock. Needs the lock exclusively.
void replace_whole(Directory& directory, const char* name, const char* staged, std::string_view bytes);

}  // namespace accrete
