// The signals that ask a program to end, as something that can be polled.
#pragma once

#include <memory>

namespace accrete {

/// While it lives, SIGTERM and SIGINT do not end the process. To be made before other threads are started: they inherit
/// that the signals are blocked.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Readable when a signal has come that was not taken.
  [[nodiscard]] int fd() const noexcept;

  /// How many have come since the last call. Equal ones that come at once count as one.
  [[nodiscard]] int take() noexcept;

  /// From now on, one that comes does what it would without this object: it ends the process at once. For the thread
  /// that made the object.
  void let_through() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace accrete
