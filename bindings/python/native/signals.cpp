#include "signals.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <ctime>
#include <unistd.h>

namespace accrete::python {
namespace {

using SignalHandler = void (*)(int);

constexpr std::array watched_signals = {SIGINT, SIGTERM};

std::atomic<bool> has_come = false;

/// Python's own, which is one for all signals; null as long as none of those watched had any.
std::atomic<SignalHandler> python_handler = nullptr;

static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<SignalHandler>::is_always_lock_free);

/// Asked of the system once a thread. In a forked child the only thread is the main one.
bool is_main_thread() noexcept {
  static thread_local bool is_main = ::getpid() == ::gettid();
  [[maybe_unused]] static const int registered = ::pthread_atfork(nullptr, nullptr, [] { is_main = true; });
  return is_main;
}

}  // namespace

/// Stands before Python's. Last, so that who sees it finds the signal noted by Python.
extern "C" void note_signal(int number) {
  python_handler.load()(number);
  has_come = true;
}

namespace {

/// Python puts its own handler back whenever a program sets a handler of a signal. What others have put there is left
/// alone. True if ours was not there.
bool watch_signal(int number) noexcept {
  struct sigaction action {};
  if (::sigaction(number, nullptr, &action) != 0 || (action.sa_flags & SA_SIGINFO) != 0) return false;
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN || action.sa_handler == note_signal) return false;
  SignalHandler expected = nullptr;
  python_handler.compare_exchange_strong(expected, action.sa_handler);
  if (action.sa_handler != python_handler) return false;
  action.sa_handler = note_signal;
  return ::sigaction(number, &action, nullptr) == 0;
}

/// Of the system's clock, some milliseconds: to look at a handler costs more than many a call.
bool is_a_tick_later() noexcept {
  static timespec last{};  // only the main thread's
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  if (now.tv_nsec == last.tv_nsec && now.tv_sec == last.tv_sec) return false;
  last = now;
  return true;
}

}  // namespace

void watch_signals() noexcept {
  for (const int number : watched_signals) watch_signal(number);
}

bool is_signal_pending() noexcept {
  if (!is_main_thread()) return false;
  watch_signals();
  return has_come;
}

void run_signal_handlers() {
  if (!is_main_thread()) return;
  if (is_a_tick_later() && watch_signal(SIGINT)) {
    watch_signals();
    has_come = true;  // perhaps, before it was watched
  }
  if (!has_come.load(std::memory_order_relaxed)) return;
  has_come = false;
  if (PyErr_CheckSignals() != 0) throw PythonErrorSet{};
}

void run_signal_handlers(const UnknownOutcomeError& error) {
  has_come = false;
  const Reference context = exception_of(error);
  PyObject* const before = PyErr_GetHandledException();
  PyErr_SetHandledException(context.get());
  const bool has_raised = PyErr_CheckSignals() != 0;
  PyErr_SetHandledException(before);
  Py_XDECREF(before);
  if (has_raised) throw PythonErrorSet{};
}

}  // namespace accrete::python
