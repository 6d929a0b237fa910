// A directory in the making, beside the place where it will appear whole; and one on its way out.
#pragma once

#include <memory>
#include <string>

#include "os/dataset_lock.hpp"
#include "os/env.hpp"

namespace accrete {

/// How the names of such directories begin; `sweep` removes those whose maker is dead.
inline constexpr const char* staging_prefix = ".accrete-new-";

class Staging {
 public:
  /// Makes a directory of a new name in `parent`, with a lock file in it that this process holds.
  Staging(Env& env, const std::string& parent);

  /// Removes what is there, unless it was moved.
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  [[nodiscard]] Directory& directory() noexcept { return *directory_; }

  /// False if there is something at `path`.
  bool try_move_to(const std::string& path);

 private:
  /// False if a sweep took the directory, in which there was no lock yet, for one whose maker is dead.
  bool try_make(const std::string& parent);
  void close() noexcept;

  Env& env_;
  std::string path_;
  std::unique_ptr<Directory> directory_;
  std::shared_ptr<DatasetLock> lock_;
  DatasetLock::Guard guard_;
  bool moved_ = false;
};

/// A new name in `parent`.
[[nodiscard]] std::string staging_path(const std::string& parent);

/// Removes all files of a staging directory but the lock, by which it can be told whether somebody is at work there. Of
/// a dataset that was whole, as its marker is, only its own files: whatever else is there somebody has put there. Then
/// throws, and it stays, and with it the marker, so that the next sweep tells of it, too.
void clear_staging(Directory& directory);

/// Removes the staging directory at `path` and the files in it, unless somebody else is faster. Nobody in this process
/// may have its files open: some file systems (FUSE, NFS) keep those under another name, and then the directory is not
/// empty.
void remove_staging(Env& env, const std::string& path);

}  // namespace accrete
