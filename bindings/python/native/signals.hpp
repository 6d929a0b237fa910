// Ctrl-C in calls that wait. Such a call asks whether a signal has come, ends having done nothing, lets go of all that
// it holds, and only then is the signal's Python handler run: it may call anything, of this store too. If it returns,
// the call begins anew.
//
// Only Python knows whether a signal waits for its handler, and tells nobody without running that. So a handler of ours
// stands before Python's, for SIGINT and SIGTERM; handlers of other signals run when the call has ended. To ask takes
// no GIL: whoever has it may be waiting, in a fork, for what this thread has locked.
#pragma once

#include <accrete/error.hpp>
#include <accrete/interruptible.hpp>

#include "python.hpp"

namespace accrete::python {

/// To be called once, by the thread that imports the module.
void watch_signals() noexcept;

/// Whether a SIGINT or SIGTERM has come whose Python handler has not run yet, and this is the thread to run it: the
/// process's main one. Without the GIL.
[[nodiscard]] bool is_signal_pending() noexcept;

/// Runs the Python handlers of signals that have come, and sees to it that those to come are noticed, also if a program
/// has just set a handler of SIGINT. Throws PythonErrorSet if a handler raises.
void run_signal_handlers();

/// For a handler of `error`, which ends a call that was interrupted. Throws PythonErrorSet if a handler raises; the
/// Python exception of `error` is then the context of that one.
void run_signal_handlers(const UnknownOutcomeError& error);

/// Runs `work`, which touches no Python object, while other threads may run Python. It may be run more than once: after
/// a signal that has interrupted it before it did anything. One of which it is then not known what it has done is run
/// again if it has a `resume(const UnknownOutcomeError&)` that returns true.
template <typename Work>
auto without_gil(Work work) {
  for (;;) {
    run_signal_handlers();
    try {
      const GilReleased released;
      const Interruptible interruptible(is_signal_pending);
      return work();
    } catch (const InterruptedError&) {
      // It has done nothing.
    } catch (const UnknownOutcomeError& error) {
      if (!is_signal_pending()) throw;
      run_signal_handlers(error);
      if constexpr (requires { work.resume(error); }) {
        if (work.resume(error)) continue;
      }
      throw;
    }
  }
}

}  // namespace accrete::python
