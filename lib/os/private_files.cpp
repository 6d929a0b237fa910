#include "os/private_files.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "base/throw_io_error.hpp"
#include "os/descriptor.hpp"
#include "os/local_socket.hpp"

namespace accrete {
namespace {

/// In which a private directory may lie, in the order in which they are tried.
std::vector<std::string> runtime_directories() {
  std::vector<std::string> directories;
  // After a longer one the path of a socket would not fit.
  constexpr std::size_t max_path = 70;
  const auto add = [&](std::string_view directory) {
    if (directory.starts_with('/') && directory.size() <= max_path) directories.emplace_back(directory);
  };
  if (const char* const all = std::getenv("RUNTIME_DIRECTORY")) {
    std::string_view left = all;
    for (std::size_t colon = left.find(':'); colon != std::string_view::npos; colon = left.find(':')) {
      add(left.substr(0, colon));
      left.remove_prefix(colon + 1);
    }
    add(left);
  }
  if (const char* const directory = std::getenv("XDG_RUNTIME_DIR")) add(directory);
  add("/tmp");
  return directories;
}

/// Makes it, or takes the one that an earlier process of this user has left; false if it cannot be had, or is in use.
bool try_take(const std::string& path) {
  if (::mkdir(path.c_str(), S_IRWXU) == 0) return true;
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return false;
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) return false;
  return look_at_local_socket(path + "/.socket") != LocalSocket::live;
}

bool try_make(std::string& pattern) { return ::mkdtemp(pattern.data()) != nullptr; }

}  // namespace

PrivateDirectory::PrivateDirectory(const std::string& name) {
  for (const std::string& directory : runtime_directories()) {
    const std::string prefix = directory + "/accrete-";
    path_ = prefix + name;
    if (try_take(path_)) return;
    path_ = prefix + "XXXXXX";
    if (try_make(path_)) return;
  }
  throw_io_error("make the directory", path_, errno);
}

PrivateDirectory::~PrivateDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_new_file(const std::string& path, std::string_view bytes, Readable readable) {
  const mode_t mode = readable == Readable::by_owner ? 0600 : 0644;
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0) throw_io_error("create", path, errno);
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written >= 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 && errno != EINTR) error = errno;
  }
  if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  if (error == 0) return;
  ::unlink(path.c_str());
  throw_io_error("write", path, error);
}

bool is_exposed(const std::string& path) noexcept {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  return status.st_uid == ::geteuid() && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

std::string absolute_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  if (!resolved) throw_io_error("find", path, errno);
  return resolved.get();
}

}  // namespace accrete
