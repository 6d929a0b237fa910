// Wakes a thread that polls.
#pragma once

#include "os/descriptor.hpp"

namespace accrete {

/// An eventfd. Any thread may `signal`; the one that polls `fd()` for reading then calls `drain`.
class WakeUp {
 public:
  WakeUp();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void signal() const noexcept;
  void drain() const noexcept;

 private:
  Descriptor fd_;
};

}  // namespace accrete
