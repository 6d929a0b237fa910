// Watches a socket of ZeroMQ: when it connects, shakes hands, and ends a connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <zmq.hpp>

namespace accrete {

/// To be destroyed before the socket that it watches. ZeroMQ's own thread sends the events, and waits for as long as
/// nobody can take them: a pair of sockets that is closed while ZeroMQ still watches stops all connections of the
/// context for good. That is why this stops the watching first, and why its queue has no bound.
/// Its functions throw zmq::error_t.
class SocketMonitor {
 public:
  struct Event {
    int type;             ///< one of ZMQ_EVENT_…
    std::uint32_t value;  ///< what it means depends on the type: zmq_socket_monitor(3)
  };

  /// Tells of the events of `watched` that are in the mask `types`. No other monitor of the context has the `name`.
  SocketMonitor(zmq::context_t& context, zmq::socket_t& watched, const std::string& name, int types);
  ~SocketMonitor();
  SocketMonitor(const SocketMonitor&) = delete;
  SocketMonitor& operator=(const SocketMonitor&) = delete;

  /// To be polled for input.
  [[nodiscard]] void* handle() noexcept { return socket_.handle(); }

  [[nodiscard]] std::optional<Event> try_take();

 private:
  void* watched_;
  zmq::socket_t socket_;
};

}  // namespace accrete
