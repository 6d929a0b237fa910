#include "os/standard_streams.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/throw_io_error.hpp"
#include "os/file_identity.hpp"

namespace accrete {
namespace {

constexpr std::size_t default_width = 80;
constexpr rlim_t max_open_files = 65536;

/// Waits until a non-blocking descriptor, such as one inherited from another program, is ready.
void wait_for(int fd, short events) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  ::poll(&waiting, 1, -1);
}

void occupy_closed_descriptors() noexcept {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is taken, which is fd; the wrong direction keeps its use an error, as it was.
    if (::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

}  // namespace

void write_to(StandardStream stream, std::string_view bytes) {
  const int fd = static_cast<int>(stream);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      wait_for(fd, POLLOUT);
    } else if (errno != EINTR) {
      throw_io_error("write to", stream == StandardStream::output ? "standard output" : "standard error", errno);
    }
  }
}

// A pipe that takes anything takes PIPE_BUF bytes.
bool try_write_to(StandardStream stream, std::string_view bytes) noexcept {
  pollfd ready{.fd = static_cast<int>(stream), .events = POLLOUT, .revents = 0};
  if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return false;
  return ::write(ready.fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

bool is_inside(StandardStream stream, const std::string& directory) {
  return is_file_inside(static_cast<int>(stream), directory);
}

bool is_terminal(StandardStream stream) noexcept { return ::isatty(static_cast<int>(stream)) == 1; }

std::size_t terminal_width(StandardStream stream) noexcept {
  winsize size{};
  if (::ioctl(static_cast<int>(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return default_width;
  return size.ws_col;
}

void prepare_process() noexcept {
  occupy_closed_descriptors();
  const auto ignore = SIG_IGN;  // NOLINT(cppcoreguidelines-pro-type-cstyle-cast): the system's macro
  static_cast<void>(std::signal(SIGPIPE, ignore));
  static_cast<void>(std::signal(SIGXFSZ, ignore));
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= max_open_files) return;
  const rlim_t wanted = std::min(files.rlim_max, max_open_files);
  if (wanted <= files.rlim_cur) return;
  files.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace accrete
