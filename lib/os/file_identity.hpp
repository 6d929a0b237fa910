// Whether two names are of one file.
#pragma once

#include <string>

namespace accrete {

/// Whether the open file is a regular one that lies in the directory at `path` or below, under whatever name: that of a
/// hard link, or over a symbolic link or another mount. False if there is no such directory.
[[nodiscard]] bool is_file_inside(int fd, const std::string& path);

/// Whether the open file is the regular one at `path`.
[[nodiscard]] bool is_file_at(int fd, const std::string& path);

}  // namespace accrete
