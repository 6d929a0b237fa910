#include "os/file_identity.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "os/descriptor.hpp"

namespace accrete {
namespace {

using Status = struct stat;

bool is_same(const Status& a, const Status& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

std::optional<Status> regular_file(int fd) {
  Status status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return status;
}

/// By the directories above the name under which the file was opened: costs nothing, but sees one name only.
bool is_opened_inside(int fd, const Status& directory) {
  std::string name = "/proc/self/fd/" + std::to_string(fd);
  std::string path(4096, '\0');
  const ssize_t size = ::readlink(name.c_str(), path.data(), path.size());
  if (size <= 0) return false;
  path.resize(static_cast<std::size_t>(size));
  for (std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0; slash = path.rfind('/')) {
    path.resize(slash);
    Status above{};
    if (::stat(path.c_str(), &above) == 0 && is_same(above, directory)) return true;
  }
  return false;
}

/// By the names in the directory.
bool is_named_inside(const Status& file, Descriptor directory) {
  const int fd = directory.get();
  if (fd < 0) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), &::closedir);
  if (!entries) return false;
  (void)directory.release();
  while (const dirent* const entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    Status status{};
    if (entry->d_ino == file.st_ino && ::fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        is_same(status, file)) {
      return true;
    }
    // Only the names of directories end so.
    if (!name.ends_with('%')) continue;
    if (is_named_inside(file,
                        Descriptor(::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)))) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool is_file_inside(int fd, const std::string& path) {
  const std::optional<Status> file = regular_file(fd);
  Status directory{};
  if (!file || ::stat(path.c_str(), &directory) != 0 || !S_ISDIR(directory.st_mode)) return false;
  if (is_opened_inside(fd, directory)) return true;
  if (file->st_nlink < 2) return false;
  return is_named_inside(*file, Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
}

bool is_file_at(int fd, const std::string& path) {
  const std::optional<Status> file = regular_file(fd);
  Status status{};
  return file && ::stat(path.c_str(), &status) == 0 && is_same(*file, status);
}

}  // namespace accrete
