// Files and directories that only their owner may use.
#pragma once

#include <string>
#include <string_view>

namespace accrete {

/// A directory that only this user may use, for a socket. The same one again for the same `name` (of up to 20 bytes),
/// unless another process has its socket there. It lies in a directory of RUNTIME_DIRECTORY (where systemd says what a
/// service may use), in XDG_RUNTIME_DIR, or else in /tmp, and goes, with the files in it, when this object does. Throws
/// IoError if all of these refuse it.
class PrivateDirectory {
 public:
  explicit PrivateDirectory(const std::string& name);
  ~PrivateDirectory();
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

enum class Readable { by_owner, by_all };

/// Writes a file that was not there before. Throws IoError; its code is EEXIST if there is one.
void write_new_file(const std::string& path, std::string_view bytes, Readable readable);

/// Whether `path` is a file of this user's that others, too, may read or change. False if there is none.
[[nodiscard]] bool is_exposed(const std::string& path) noexcept;

/// Without links and "..", and not relative. Throws IoError if there is nothing at `path`.
[[nodiscard]] std::string absolute_path(const std::string& path);

}  // namespace accrete
