#include "net/socket_monitor.hpp"

#include <cstring>

namespace accrete {

SocketMonitor::SocketMonitor(zmq::context_t& context, zmq::socket_t& watched, const std::string& name, int types)
    : watched_(watched.handle()), socket_(context, zmq::socket_type::pair) {
  const std::string address = "inproc://" + name;
  constexpr int unbounded = 0;
  socket_.set(zmq::sockopt::rcvhwm, unbounded);
  socket_.set(zmq::sockopt::linger, 0);
  if (zmq_socket_monitor(watched_, address.c_str(), types) != 0) throw zmq::error_t();
  try {
    socket_.connect(address);
  } catch (...) {
    (void)zmq_socket_monitor(watched_, nullptr, 0);
    throw;
  }
}

SocketMonitor::~SocketMonitor() { (void)zmq_socket_monitor(watched_, nullptr, 0); }

std::optional<SocketMonitor::Event> SocketMonitor::try_take() {
  zmq::message_t event;
  zmq::message_t address;
  while (socket_.recv(event, zmq::recv_flags::dontwait)) {
    (void)socket_.recv(address, zmq::recv_flags::dontwait);
    // ZeroMQ writes the number of the event and its value in this machine's byte order.
    std::uint16_t type = 0;
    std::uint32_t value = 0;
    if (event.size() < sizeof type + sizeof value) continue;
    std::memcpy(&type, event.data(), sizeof type);
    std::memcpy(&value, event.data<char>() + sizeof type, sizeof value);
    return Event{type, value};
  }
  return std::nullopt;
}

}  // namespace accrete
