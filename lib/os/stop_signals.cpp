#include "os/stop_signals.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/throw_io_error.hpp"
#include "os/descriptor.hpp"

namespace accrete {
namespace {

constexpr std::array stops = {SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGXCPU};

/// As a program is that nohup has started. A signal that is ignored and blocked is queued all the same.
bool ignores_hangups() noexcept {
  struct sigaction action {};
  if (::sigaction(SIGHUP, nullptr, &action) != 0) return false;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-cstyle-cast, performance-no-int-to-ptr): the system's macro
  return action.sa_handler == SIG_IGN;
}

sigset_t all_stops(StopSignals::Hangup hangup) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : stops) sigaddset(&set, number);
  if (hangup == StopSignals::Hangup::stops) sigaddset(&set, SIGHUP);
  return set;
}

/// All but those that must not wait (errors of the program itself, and abort), that end nothing, or that
/// prepare_process has made errors of the call.
sigset_t all_taken(StopSignals::Hangup hangup) {
  constexpr std::array left = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGTRAP,  SIGSYS, SIGABRT, SIGTSTP,
                               SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD, SIGWINCH, SIGURG, SIGPIPE, SIGXFSZ};
  sigset_t set;
  sigfillset(&set);
  for (const int number : left) sigdelset(&set, number);
  if (hangup != StopSignals::Hangup::counted && ignores_hangups()) sigdelset(&set, SIGHUP);
  return set;
}

}  // namespace

struct StopSignals::State {
  Descriptor fd{-1};
  sigset_t before{};  // of the thread that made it
  sigset_t stops{};
  Hangup hangup;
};

StopSignals::StopSignals(Hangup hangup) : state_(std::make_unique<State>()) {
  state_->stops = all_stops(hangup);
  state_->hangup = hangup;
  const sigset_t taken = all_taken(hangup);
  ::pthread_sigmask(SIG_BLOCK, &taken, &state_->before);
  state_->fd = Descriptor(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (state_->fd.get() >= 0) return;
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &state_->before, nullptr);
  throw_io_error("create", "a signalfd", error);
}

StopSignals::~StopSignals() {
  signalfd_siginfo info{};
  while (::read(state_->fd.get(), &info, sizeof info) > 0) {
    // one that is still pending would end the process now
  }
  ::pthread_sigmask(SIG_SETMASK, &state_->before, nullptr);
}

int StopSignals::fd() const noexcept { return state_->fd.get(); }

StopSignals::Taken StopSignals::take() {
  Taken taken;
  signalfd_siginfo info{};
  while (::read(state_->fd.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const int number = static_cast<int>(info.ssi_signo);
    if (sigismember(&state_->stops, number) == 1) {
      ++taken.stops;
    } else if (number == SIGHUP && state_->hangup == Hangup::counted) {
      ++taken.hangups;
    } else {
      if (!taken.ignored.empty()) taken.ignored += ", ";
      taken.ignored += ::strsignal(number);
    }
  }
  return taken;
}

void StopSignals::let_stops_through() const noexcept {
  constexpr pid_t first_process = 1;
  if (::getpid() != first_process) ::pthread_sigmask(SIG_UNBLOCK, &state_->stops, nullptr);
}

void StopSignals::hold_stops_back() const noexcept { ::pthread_sigmask(SIG_BLOCK, &state_->stops, nullptr); }

}  // namespace accrete
