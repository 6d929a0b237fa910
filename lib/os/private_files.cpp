#include "os/private_files.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "base/throw_io_error.hpp"

namespace accrete {
namespace {

/// "" where it is not set, or is so long that a socket's path would not fit.
std::string runtime_directory() {
  constexpr std::size_t most = 80;
  const char* const directory = std::getenv("XDG_RUNTIME_DIR");
  if (!directory || directory[0] != '/' || std::string_view(directory).size() > most) return "";
  return directory;
}

bool try_make(std::string& pattern) { return ::mkdtemp(pattern.data()) != nullptr; }

}  // namespace

PrivateDirectory::PrivateDirectory() {
  const std::string runtime = runtime_directory();
  path_ = runtime + "/accrete-XXXXXX";
  if (!runtime.empty() && try_make(path_)) return;
  path_ = "/tmp/accrete-XXXXXX";
  if (!try_make(path_)) throw_io_error("make the directory", path_, errno);
}

PrivateDirectory::~PrivateDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_new_file(const std::string& path, std::string_view bytes, Readable readable) {
  const mode_t mode = readable == Readable::by_owner ? 0600 : 0644;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) throw_io_error("create", path, errno);
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 && errno != EINTR) error = errno;
  }
  if (error == 0 && ::fsync(fd) != 0) error = errno;
  ::close(fd);
  if (error == 0) return;
  ::unlink(path.c_str());
  throw_io_error("write", path, error);
}

std::string absolute_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  if (!resolved) throw_io_error("find", path, errno);
  return resolved.get();
}

}  // namespace accrete
