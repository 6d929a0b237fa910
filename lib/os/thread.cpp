#include "os/thread.hpp"

#include <algorithm>
#include <csignal>
#include <pthread.h>
#include <sched.h>
#include <system_error>
#include <utility>

#include "base/throw_io_error.hpp"

namespace accrete {
namespace {

/// While it lives, the calling thread takes no signals, and those that it starts never do; but for those that tell of a
/// thread's own fault, since a blocked one would end the process before any handler of the program's runs.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) sigdelset(&blocked, fault);
    ::pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

std::thread start_thread(std::function<void()> work) {
  const SignalsBlocked blocked;
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& error) {
    throw_io_error("start", "a thread", error.code().value());
  }
}

unsigned usable_cores() noexcept {
  cpu_set_t cores;
  // It fails where the machine has more cores than the set has room for.
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return std::max(1U, std::thread::hardware_concurrency());
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&cores)));
}

}  // namespace accrete
