#include "os/accepted_connections.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace accrete {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t descriptor_limit() noexcept {
  constexpr std::uint64_t max_limit = 1 << 30;
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? std::min<std::uint64_t>(limit.rlim_cur, max_limit) : max_limit;
}

/// The system gives the lowest number that is free, so that a high one tells that few are left.
bool is_reserved(int descriptor) noexcept {
  const std::uint64_t limit = descriptor_limit();
  return static_cast<std::uint64_t>(descriptor) >= limit - limit / 8;
}

/// The number by which the system knows a socket; nullopt if the descriptor is closed, or of something else now.
std::optional<ino_t> socket_number(int descriptor) noexcept {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISSOCK(status.st_mode)) return std::nullopt;
  return status.st_ino;
}

/// Who closes a connection does not say so here. One of which the descriptor has been closed stays in the tables until
/// its number is accepted again, or its turn comes to be ended.
class Connections {
 public:
  /// `accept` is a call of the system's.
  template <typename Accept>
  int accept_one(Accept accept) {
    const int descriptor = accept();
    const int error = errno;
    const std::lock_guard lock(mutex_);
    if (descriptor < 0) {
      if (error == EMFILE) end_oldest();
      errno = error == EMFILE ? ENFILE : error;  // ZeroMQ takes the one for an error of the program, the other not
      return -1;
    }
    if (add(descriptor)) return descriptor;
    ++ended_;
    ::close(descriptor);
    errno = ECONNABORTED;
    return -1;
  }

  /// The number of the connection; 0 if there is none.
  std::uint64_t keep(int descriptor) {
    const std::lock_guard lock(mutex_);
    const auto found = all_.find(descriptor);
    if (found == all_.end()) return 0;
    silent_.erase(found->second.number);
    ++found->second.keepers;
    return found->second.number;
  }

  void keep_no_more(int descriptor, std::uint64_t number) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = all_.find(descriptor);
    if (found == all_.end() || found->second.number != number || --found->second.keepers > 0) return;
    if (socket_number(descriptor) != found->second.socket || !try_add_silent(number, descriptor)) all_.erase(found);
  }

  void end_before(Clock::time_point time) {
    const std::lock_guard lock(mutex_);
    while (!silent_.empty() && all_.at(silent_.begin()->second).since < time) (void)try_end_first();
  }

  [[nodiscard]] std::uint64_t ended() const noexcept { return ended_; }

 private:
  struct Connection {
    std::uint64_t number = 0;  // in the order of coming
    ino_t socket = 0;
    Clock::time_point since{};
    int keepers = 0;
  };

  bool add(int descriptor) {
    const std::optional<ino_t> socket = socket_number(descriptor);
    if (!socket) return true;  // of no interest
    forget(descriptor);
    if (all_.size() >= max_connections()) end_oldest();
    if (all_.size() >= max_connections() || is_reserved(descriptor)) return false;
    const std::uint64_t number = ++last_number_;
    if (!try_add_silent(number, descriptor)) return false;
    try {
      all_.try_emplace(descriptor, Connection{.number = number, .socket = *socket, .since = Clock::now()});
      return true;
    } catch (const std::bad_alloc&) {
      silent_.erase(number);
      return false;
    }
  }

  bool try_add_silent(std::uint64_t number, int descriptor) noexcept {
    try {
      silent_.emplace(number, descriptor);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  void forget(int descriptor) {
    const auto found = all_.find(descriptor);
    if (found == all_.end()) return;
    silent_.erase(found->second.number);
    all_.erase(found);
  }

  void end_oldest() {
    while (!silent_.empty() && !try_end_first()) {
    }
  }

  /// Takes it out of the tables; false if it had ended by itself. The descriptor is left to who has it, who sees that
  /// the connection has ended.
  bool try_end_first() {
    const int descriptor = silent_.begin()->second;
    const ino_t socket = all_.at(descriptor).socket;
    forget(descriptor);
    if (socket_number(descriptor) != socket) return false;
    ::shutdown(descriptor, SHUT_RDWR);
    ++ended_;
    return true;
  }

  std::mutex mutex_;  // guards all below
  std::map<int, Connection> all_;
  std::map<std::uint64_t, int> silent_;  // those that are not kept, oldest first
  std::uint64_t last_number_ = 0;
  std::atomic<std::uint64_t> ended_ = 0;
};

/// Of the process, as its descriptors are. Never destroyed: a thread may accept until the very end.
Connections& connections() {
  static auto* const all = new Connections;
  return *all;
}

}  // namespace

std::size_t max_connections() noexcept {
  constexpr std::uint64_t min_connections = 8;
  return static_cast<std::size_t>(std::max(descriptor_limit() / 8 * 3, min_connections));
}

KeptConnection::KeptConnection(int descriptor) : descriptor_(descriptor), number_(connections().keep(descriptor)) {}

KeptConnection::~KeptConnection() {
  if (number_ > 0) connections().keep_no_more(descriptor_, number_);
}

void end_silent_connections(std::chrono::milliseconds age) { connections().end_before(Clock::now() - age); }

std::uint64_t ended_connections() noexcept { return connections().ended(); }

}  // namespace accrete

extern "C" {

int accrete_accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  return accrete::connections().accept_one(
      [&] { return static_cast<int>(::syscall(SYS_accept4, fd, address, size, flags)); });
}

int accrete_accept(int fd, sockaddr* address, socklen_t* size) { return accrete_accept4(fd, address, size, 0); }

int accept4(int, sockaddr*, socklen_t*, int) __attribute__((alias("accrete_accept4")));
int accept(int, sockaddr*, socklen_t*) __attribute__((alias("accrete_accept")));
}
