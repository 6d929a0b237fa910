// Wakes a thread that polls.
#pragma once

namespace accrete {

/// An eventfd. Any thread may `signal`; the one that polls `fd()` for reading then calls `drain`.
class WakeUp {
 public:
  WakeUp();
  ~WakeUp();
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void signal() const noexcept;
  void drain() const noexcept;

 private:
  int fd_;
};

}  // namespace accrete
