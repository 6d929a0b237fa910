#include "os/local_socket.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

}  // namespace accrete
