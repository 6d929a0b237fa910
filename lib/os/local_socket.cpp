#include "os/local_socket.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/throw_io_error.hpp"

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
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw_io_error("make", "a socket", errno);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  ::close(fd);
  if (!connected && error == ECONNREFUSED) return LocalSocket::stale;
  if (!connected && error == ENOENT) return LocalSocket::none;  // it went meanwhile
  return LocalSocket::live;
}

}  // namespace accrete
