// Want of memory as an error of accrete.
#pragma once

#include <accrete/error.hpp>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

namespace accrete {

/// Runs `call`; what the standard library throws for want of memory becomes TooLargeError.
template <typename Call>
auto within_memory(std::string_view action, Call&& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    throw TooLargeError("cannot " + std::string(action) + ": it does not fit into memory");
  } catch (const std::length_error&) {
    throw TooLargeError("cannot " + std::string(action) + ": it does not fit into memory");
  }
}

}  // namespace accrete
