#include "signals.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <unistd.h>

namespace accrete::python {
namespace {

using SignalHandler = void (*)(int);

constexpr std::array watched_signals = {SIGINT, SIGTERM};

std::atomic<bool> has_come = false;

/// Python's own, which is one for all signals; null as long as none of those watched had any.
std::atomic<SignalHandler> python_handler = nullptr;

static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<SignalHandler>::is_always_lock_free);

bool is_main_thread() noexcept { return ::getpid() == ::gettid(); }

}  // namespace

/// Stands before Python's. Last, so that who sees it finds the signal noted by Python.
extern "C" void note_signal(int number) {
  python_handler.load()(number);
  has_come = true;
}

/// Python puts its own handler back whenever a program sets a handler of a signal. What others have put there is left
/// alone.
void watch_signals() noexcept {
  for (const int number : watched_signals) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0 || (action.sa_flags & SA_SIGINFO) != 0) continue;
    if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN || action.sa_handler == note_signal) continue;
    SignalHandler expected = nullptr;
    python_handler.compare_exchange_strong(expected, action.sa_handler);
    if (action.sa_handler != python_handler) continue;
    action.sa_handler = note_signal;
    ::sigaction(number, &action, nullptr);
  }
}

bool is_signal_pending() noexcept {
  if (!is_main_thread()) return false;
  watch_signals();
  return has_come;
}

void run_signal_handlers() {
  if (!has_come.load(std::memory_order_relaxed) || !is_main_thread()) return;
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
