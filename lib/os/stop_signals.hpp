// The signals that would end a program, as something that can be polled.
#pragma once

#include <memory>
#include <string>

namespace accrete {

/// While it lives, no signal that somebody sends ends the process, but for SIGKILL and SIGABRT: SIGTERM, SIGINT,
/// SIGQUIT, SIGPWR and SIGXCPU (the process has used up its time) ask it to stop, and all others, such as SIGHUP of a
/// terminal that is closed, are to be ignored. Those that tell of an error of the program itself, or stop and continue
/// it, do what they always do. To be made before other threads are started: they inherit that the signals are blocked.
class StopSignals {
 public:
  /// What SIGHUP is. One that is counted comes, too, where whoever has started the program has it ignored (nohup).
  enum class Hangup { ignored, stops, counted };

  struct Taken {
    int stops = 0;  ///< equal ones that come at once count as one
    int hangups = 0;
    std::string ignored{};  ///< the other signals, such as "Hangup", with commas between them
  };

  explicit StopSignals(Hangup hangup = Hangup::ignored);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Readable when a signal has come that was not taken.
  [[nodiscard]] int fd() const noexcept;

  /// What has come since the last call.
  [[nodiscard]] Taken take();

  /// From now on, one that asks to stop does what it would without this object: it ends the process at once. For the
  /// thread that made the object. The first process of a container, which the system does not let signals end, would
  /// lose it, and so goes on to hold it back.
  void let_stops_through() const noexcept;
  /// From now on, it is held back again.
  void hold_stops_back() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace accrete
