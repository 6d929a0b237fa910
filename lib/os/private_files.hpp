// Files and directories that only their owner may use.
#pragma once

#include <string>
#include <string_view>

namespace accrete {

/// A new directory of mode 0700 below XDG_RUNTIME_DIR, or else /tmp. Goes, with the files in it, when this object does.
class PrivateDirectory {
 public:
  PrivateDirectory();
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

/// Without links and "..", and not relative. Throws IoError if there is nothing at `path`.
[[nodiscard]] std::string absolute_path(const std::string& path);

}  // namespace accrete
