#include "os/stop_signals.hpp"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/throw_io_error.hpp"

namespace accrete {

struct StopSignals::State {
  int fd = -1;
  sigset_t before{};  // of the thread that made it
};

StopSignals::StopSignals() : state_(std::make_unique<State>()) {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &stops, &state_->before);
  state_->fd = ::signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
  if (state_->fd >= 0) return;
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &state_->before, nullptr);
  throw_io_error("create", "a signalfd", error);
}

StopSignals::~StopSignals() {
  (void)take();  // one that is still pending would end the process now
  ::pthread_sigmask(SIG_SETMASK, &state_->before, nullptr);
  ::close(state_->fd);
}

int StopSignals::fd() const noexcept { return state_->fd; }

int StopSignals::take() noexcept {
  int count = 0;
  signalfd_siginfo info{};
  while (::read(state_->fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) ++count;
  return count;
}

void StopSignals::let_through() const noexcept { ::pthread_sigmask(SIG_SETMASK, &state_->before, nullptr); }

}  // namespace accrete
