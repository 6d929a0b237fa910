// A claim checked where doctest's own macros cannot be: in threads, in forked children, a million times.
#pragma once

#include <stdexcept>
#include <string>

namespace accrete::test {

inline void require(bool condition, const std::string& claim) {
  if (!condition) throw std::runtime_error("not so: " + claim);
}

}  // namespace accrete::test
