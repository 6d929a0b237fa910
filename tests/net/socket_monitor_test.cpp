// Tests of what watches a socket of ZeroMQ: above all that the end of the watching never stops ZeroMQ itself.
#include "net/socket_monitor.hpp"

#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <string>

namespace accrete::test {
namespace {

using namespace std::chrono_literals;

constexpr int connection_events = ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED;

/// Tries to connect every millisecond to where nobody listens.
zmq::socket_t restless_socket(zmq::context_t& context) {
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::reconnect_ivl, 1);
  return socket;
}

/// Whether the context's thread still moves messages.
bool is_alive(zmq::context_t& context) {
  zmq::socket_t receiver(context, zmq::socket_type::pull);
  receiver.bind("tcp://127.0.0.1:*");
  receiver.set(zmq::sockopt::rcvtimeo, 10'000);
  zmq::socket_t sender(context, zmq::socket_type::push);
  sender.set(zmq::sockopt::linger, 0);
  sender.connect(receiver.get(zmq::sockopt::last_endpoint));
  (void)sender.send(zmq::str_buffer("x"), zmq::send_flags::none);
  zmq::message_t message;
  return receiver.recv(message).has_value();
}

std::optional<SocketMonitor::Event> next_event(SocketMonitor& monitor) {
  zmq::pollitem_t item{monitor.handle(), 0, ZMQ_POLLIN, 0};
  while (zmq::poll(&item, 1, 10s) > 0) {
    if (const std::optional<SocketMonitor::Event> event = monitor.try_take()) return event;
  }
  return std::nullopt;
}

TEST_CASE("a monitor tells of the events that were asked for, in order") {
  zmq::context_t context;
  zmq::socket_t server(context, zmq::socket_type::router);
  server.bind("tcp://127.0.0.1:*");
  zmq::socket_t client(context, zmq::socket_type::dealer);
  client.set(zmq::sockopt::linger, 0);
  SocketMonitor monitor(context, client, "events", ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  CHECK(!monitor.try_take());
  client.connect(server.get(zmq::sockopt::last_endpoint));
  const auto next_type = [&] {
    const std::optional<SocketMonitor::Event> event = next_event(monitor);
    return event ? event->type : 0;
  };
  CHECK(next_type() == ZMQ_EVENT_CONNECTED);
  CHECK(next_type() == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
}

TEST_CASE("ZeroMQ goes on when a monitor is gone whose socket still has events") {
  zmq::context_t context;
  for (int round = 0; round < 200; ++round) {
    zmq::socket_t socket = restless_socket(context);
    auto monitor =
        std::make_unique<SocketMonitor>(context, socket, "events-" + std::to_string(round), connection_events);
    socket.connect("tcp://127.0.0.1:1");
    if (round % 2 == 0) REQUIRE(next_event(*monitor));
    monitor.reset();
    REQUIRE(is_alive(context));
  }
}

TEST_CASE("ZeroMQ goes on when nobody takes a monitor's events for long") {
  zmq::context_t context;
  zmq::socket_t ignored = restless_socket(context);
  const SocketMonitor unread(context, ignored, "unread", connection_events);
  constexpr int addresses = 100;
  for (int i = 1; i <= addresses; ++i) ignored.connect("tcp://127.0.1." + std::to_string(i) + ":1");
  // The same thread tries this one as often: by then the other has many times what a queue holds by itself.
  zmq::socket_t watched = restless_socket(context);
  SocketMonitor monitor(context, watched, "read", connection_events);
  watched.connect("tcp://127.0.0.1:1");
  constexpr int rounds = 200;
  for (int taken = 0; taken < rounds; ++taken) REQUIRE(next_event(monitor));
}

}  // namespace
}  // namespace accrete::test
