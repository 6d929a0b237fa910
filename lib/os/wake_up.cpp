#include "os/wake_up.hpp"

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>

#include "base/throw_io_error.hpp"

namespace accrete {

WakeUp::WakeUp() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd() < 0) throw_io_error("create", "an eventfd", errno);
}

// A full counter has woken the other side already, and an empty one has nothing to drain.
void WakeUp::signal() const noexcept { (void)::eventfd_write(fd(), 1); }

void WakeUp::drain() const noexcept {
  std::uint64_t count = 0;
  (void)::eventfd_read(fd(), &count);
}

}  // namespace accrete
