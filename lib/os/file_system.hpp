// Which file systems keep locks that everybody sees who sees their files.
#pragma once

#include <string>
#include <vector>

namespace accrete {

/// What a directory's files are on.
struct FileSystem {
  std::string name;  ///< "ext4", "fuse"; as "0x1234abcd" if accrete does not know it

  /// Whoever sees a file sees the locks of it, since one kernel keeps both; or the user says so. Elsewhere, who opens
  /// the file through another view or from another host may find a lock free that is taken.
  bool locks_reach = false;
};

/// The user trusts by name, in ACCRETE_TRUST_LOCKS, a list with commas: "fuse,nfs".
[[nodiscard]] FileSystem file_system_of(int fd, const std::string& path);

/// What stands in ACCRETE_TRUST_LOCKS and names no file system, as FileSystem::name does.
[[nodiscard]] std::vector<std::string> unknown_trusted_file_systems();

}  // namespace accrete
