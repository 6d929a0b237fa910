// Frames that ZeroMQ sends out of the memory where their bytes lie.
#pragma once

#include <zmq.hpp>

#include "net/message_pool.hpp"

namespace accrete {

/// Holds the message until it has left; it lets go in a thread of ZeroMQ's.
[[nodiscard]] zmq::message_t make_frame(const SharedMessage& message);

}  // namespace accrete
