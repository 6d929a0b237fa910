#include "os/lock_holder.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include "base/throw_io_error.hpp"

namespace accrete {

std::optional<std::int64_t> lock_holder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  if (fd < 0) throw_io_error("open the lock", path, errno);
  struct flock whole_file {};
  whole_file.l_type = F_WRLCK;
  whole_file.l_whence = SEEK_SET;
  const bool asked = ::fcntl(fd, F_GETLK, &whole_file) == 0;
  const int error = errno;
  ::close(fd);
  if (!asked) throw_io_error("look at the lock", path, error);
  if (whole_file.l_type == F_UNLCK) return std::nullopt;
  return whole_file.l_pid > 0 ? whole_file.l_pid : 0;
}

void ask_to_end(std::int64_t process) {
  if (::kill(static_cast<pid_t>(process), SIGTERM) == 0 || errno == ESRCH) return;
  throw_io_error("stop", "process " + std::to_string(process), errno);
}

}  // namespace accrete
