#include "os/local_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

#include "base/throw_io_error.hpp"
#include "os/descriptor.hpp"

namespace accrete {

LocalSocket look_at_local_socket(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return LocalSocket::none;
    throw_io_error("look at", path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) return LocalSocket::other;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return LocalSocket::live;
  path.copy(static_cast<char*>(address.sun_path), path.size());
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (probe.get() < 0) throw_io_error("make", "a socket", errno);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return LocalSocket::live;
  if (errno == ECONNREFUSED) return LocalSocket::stale;
  return errno == ENOENT ? LocalSocket::none : LocalSocket::live;
}

std::optional<std::string> owner_of_forbidden_socket(const std::string& path) {
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0 || errno != EACCES) return std::nullopt;
  // Where a directory on the way may not be entered, it is its owner's.
  struct stat status {};
  for (std::string at = path; ::stat(at.c_str(), &status) != 0;) {
    const std::size_t slash = at.rfind('/');
    if (slash == std::string::npos) return "another user";
    at.resize(std::max<std::size_t>(slash, 1));
  }
  const std::string uid = "uid " + std::to_string(status.st_uid);
  constexpr std::size_t max_entry_size = 16384;
  std::string memory(max_entry_size, '\0');
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(status.st_uid, &entry, memory.data(), memory.size(), &found) != 0 || !found) return uid;
  return std::string(entry.pw_name) + " (" + uid + ")";
}

std::string whole_socket_path(const std::string& path) {
  std::error_code error;
  std::string whole = std::filesystem::absolute(path, error).string();
  return error || whole.size() >= sizeof sockaddr_un{}.sun_path ? path : whole;
}

}  // namespace accrete
