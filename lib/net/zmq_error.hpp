// ZeroMQ's errors as accrete's, so that none of its exceptions leaves lib/net.
#pragma once

#include <accrete/error.hpp>
#include <string>
#include <string_view>
#include <zmq.hpp>

#include "base/escape.hpp"

namespace accrete {

/// Runs `call`; what ZeroMQ throws becomes NetworkError "cannot <action> '<object>': <cause>".
template <typename Call>
auto with_zmq_errors(std::string_view action, std::string_view object, Call&& call) {
  try {
    return call();
  } catch (const zmq::error_t& error) {
    throw NetworkError("cannot " + std::string(action) + " " + accrete::quoted(object) + ": " + error.what());
  }
}

}  // namespace accrete
