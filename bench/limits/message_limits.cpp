// Limits of ZeroMQ over a local socket, between two contexts: one sends, the other drops what it gets. Messages are
// sent out of memory that they share (no copy on the sender's side), by DEALERs, which add no frames.
#include <algorithm>
#include <string>
#include <thread>
#include <unistd.h>
#include <zmq.hpp>

#include "process_settings.hpp"
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

/// Sends to another thread, which answers an empty message with another, and, if it `echoes`, any message with itself.
class Connection {
 public:
  Connection(std::size_t message_size, bool echoes) : near_(message_size), far_(message_size) {
    keep_freed_memory();  // what ZeroMQ frees is what it asks for next: the system need not clear it again
    // Sockets of this name space need no file, so that no directory's path is too long for them.
    static int number = 0;
    const std::string endpoint = "ipc://@accrete-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    far_.socket.bind(endpoint);
    near_.socket.connect(endpoint);
    answerer_ = std::thread([=, this] { answer(echoes); });
    wait();
  }
  ~Connection() {
    far_.context.shutdown();
    answerer_.join();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Borrows the bytes until the next wait.
  void send(std::string& bytes) {
    (void)near_.socket.send(zmq::message_t(bytes.data(), bytes.size(), nullptr), zmq::send_flags::none);
  }
  void wait_for_answer() {
    zmq::message_t message;
    (void)near_.socket.recv(message);
  }
  /// Until all that was sent has come.
  void wait() {
    (void)near_.socket.send(zmq::message_t(), zmq::send_flags::none);
    wait_for_answer();
  }

 private:
  void answer(bool echoes) {
    try {
      for (zmq::message_t message;;) {
        (void)far_.socket.recv(message);
        if (message.empty() || echoes) (void)far_.socket.send(message, zmq::send_flags::none);
      }
    } catch (const zmq::error_t&) {  // it is shut down
    }
  }

  Link near_;
  Link far_;
  std::thread answerer_;
};

void send_messages(benchmark::State& state, std::size_t message_size, std::size_t messages) {
  Connection connection(message_size, false);
  std::string bytes(message_size, 'x');
  for (auto _ : state) {
    for (std::size_t i = 0; i < messages; ++i) connection.send(bytes);
    connection.wait();
  }
  set_bytes(state, messages * message_size);
}

void round_trip(benchmark::State& state) {
  std::string bytes(100, 'x');
  Connection connection(bytes.size(), true);
  for (auto _ : state) {
    connection.send(bytes);
    connection.wait_for_answer();
  }
}

BENCHMARK_CAPTURE(send_messages, 1k, 1024, 131'072)->Name("zmq_1k")->UseRealTime();
BENCHMARK_CAPTURE(send_messages, 64k, 65'536, 4096)->Name("zmq_64k")->UseRealTime();
BENCHMARK_CAPTURE(send_messages, 1m, mebibyte, 512)->Name("zmq_1m")->UseRealTime();
BENCHMARK(round_trip)->Name("zmq_round_trip")->UseRealTime();

}  // namespace
}  // namespace bench
