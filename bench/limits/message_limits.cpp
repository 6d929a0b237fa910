// Limits of ZeroMQ over a local socket, between two contexts: one sends, the other drops what it gets. Messages are
// sent out of memory that they share (no copy on the sender's side), by DEALERs, which add no frames.
#include <algorithm>
#include <string>
#include <thread>
#include <unistd.h>
#include <zmq.hpp>

#include "timing.hpp"

namespace bench {
namespace {

/// One end of a connection, with threads of its own.
struct Link {
  zmq::context_t context;
  zmq::socket_t socket{context, zmq::socket_type::dealer};

  explicit Link(std::size_t message_size) {
    constexpr std::size_t bytes_in_flight = 16 * mebibyte;
    const auto queue = static_cast<int>(std::clamp<std::size_t>(bytes_in_flight / message_size, 16, 4096));
    socket.set(zmq::sockopt::sndhwm, queue);
    socket.set(zmq::sockopt::rcvhwm, queue);
    socket.set(zmq::sockopt::linger, 0);
  }
};

/// Sends so many messages at a time to another thread, which answers the last of them with its beginning.
void send_messages(benchmark::State& state, std::size_t message_size, std::size_t messages) {
  constexpr std::size_t answer_size = 100;
  accrete::keep_freed_memory(kept_bytes);  // what ZeroMQ frees is what it asks for next: it need not be cleared again
  Link near(message_size);
  Link far(message_size);
  // Sockets of this name space need no file, so that no directory's path is too long for them.
  static int number = 0;
  const std::string endpoint = "ipc://@accrete-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
  far.socket.bind(endpoint);
  near.socket.connect(endpoint);
  std::thread answerer([&] {
    zmq::message_t message;
    try {
      for (std::size_t i = 1;; ++i) {
        (void)far.socket.recv(message);
        if (i % messages > 0) continue;
        (void)far.socket.send(zmq::buffer(message.data(), std::min(message.size(), answer_size)));
      }
    } catch (const zmq::error_t&) {  // it is shut down
    }
  });
  std::string bytes(message_size, 'x');
  zmq::message_t answer;
  const auto send = [&] {
    for (std::size_t i = 0; i < messages; ++i)
      (void)near.socket.send(zmq::message_t(bytes.data(), message_size, nullptr), zmq::send_flags::none);
    (void)near.socket.recv(answer);
  };
  send();  // from now on the connection stands
  for (auto _ : state) send();
  far.context.shutdown();
  answerer.join();
  if (messages > 1) set_bytes(state, messages * message_size);
}

BENCHMARK_CAPTURE(send_messages, 1k, 1024, 131'072)->Name("zmq_1k")->UseRealTime();
BENCHMARK_CAPTURE(send_messages, 64k, 65'536, 4096)->Name("zmq_64k")->UseRealTime();
BENCHMARK_CAPTURE(send_messages, 1m, mebibyte, 512)->Name("zmq_1m")->UseRealTime();
BENCHMARK_CAPTURE(send_messages, round_trip, 100, 1)->Name("zmq_round_trip")->UseRealTime();

}  // namespace
}  // namespace bench
