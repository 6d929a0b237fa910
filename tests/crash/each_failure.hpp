// Work of which each operation fails in turn.
#pragma once

#include <cstdint>
#include <doctest/doctest.h>

#include "crash/computer.hpp"

namespace accrete::test {

/// Calls `work` with a computer that has its dataset open, and with 1, 2, 3, …: which of its operations is to fail. It
/// returns whether one has; until none does, and so for each of `seeds`.
template <typename Work>
void for_each_failure(std::uint64_t seeds, Work work, const Setup& setup = {}) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    bool has_failed = true;
    for (std::uint64_t n = 1; has_failed; ++n) {
      CAPTURE(seed);
      CAPTURE(n);
      Computer computer(seed * 1000 + n, setup);
      computer.create();
      computer.open();
      has_failed = work(computer, n);
    }
  }
}

}  // namespace accrete::test
