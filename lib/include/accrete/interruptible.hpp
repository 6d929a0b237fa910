// Ending a call that waits, or takes long, before its time.
#pragma once

#include <accrete/export.hpp>
#include <chrono>
#include <functional>

namespace accrete {

/// While it lives, the calls of this thread that wait - for a lock, a server, room in a buffer - or that take long ask
/// `is_interrupted` about ten times a second, and end with InterruptedError once it says yes; with UnknownOutcomeError,
/// if a server was sent a change. So a program ends a call after Ctrl-C, whose handler sets a flag that is asked for.
///
/// It is asked while locks of the library are held: it must neither throw nor wait, and call nothing of accrete. Not
/// interrupted are: what the system does in one call, such as a sync; taking back what an append has written; and
/// destroying a Store, which hands down what would be lost. One that is made while another lives replaces that until it
/// is destroyed; an empty function lets nothing be interrupted.
class ACCRETE_API Interruptible {
 public:
  explicit Interruptible(std::function<bool()> is_interrupted);
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  friend class Interruption;
  std::function<bool()> is_interrupted_;
  Interruptible* outer_;
  std::chrono::steady_clock::time_point asks_at_{};
};

}  // namespace accrete
