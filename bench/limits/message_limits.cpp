// Limits of ZeroMQ over a local socket, between two processes: one sends, the other drops what it gets. Messages are
// sent out of memory that they share (no copy on the sender's side), by DEALERs, which add no frames.
#include <algorithm>
#include <benchmark/benchmark.h>
#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <zmq.hpp>

#include "limits/mapped_memory.hpp"
#include "process_settings.hpp"

namespace bench {
namespace {

constexpr std::size_t bytes_in_flight = 16 * mebibyte;

/// Both ends of a connection have one.
class Link {
 public:
  explicit Link(std::size_t message_size) {
    keep_freed_memory();  // what ZeroMQ frees is what it asks for next: the system need not clear it again
    const auto queue = static_cast<int>(std::clamp<std::size_t>(bytes_in_flight / message_size, 16, 4096));
    socket_.set(zmq::sockopt::sndhwm, queue);
    socket_.set(zmq::sockopt::rcvhwm, queue);
    socket_.set(zmq::sockopt::linger, 0);
  }

  void bind(const std::string& endpoint) { socket_.bind(endpoint); }
  /// To another process, for which it does not wait for ever: it may have died.
  void connect(const std::string& endpoint) {
    constexpr int patience_ms = 10'000;
    socket_.set(zmq::sockopt::sndtimeo, patience_ms);
    socket_.set(zmq::sockopt::rcvtimeo, patience_ms);
    socket_.connect(endpoint);
  }

  void send(zmq::message_t message) {
    if (!socket_.send(message, zmq::send_flags::none)) throw std::runtime_error("the other process takes no messages");
  }
  [[nodiscard]] zmq::message_t receive() {
    zmq::message_t message;
    if (!socket_.recv(message)) throw std::runtime_error("the other process does not answer");
    return message;
  }
  /// Until all that was sent has come.
  void wait() {
    send(zmq::message_t());
    (void)receive();
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::dealer};
};

/// Another process, which answers an empty message with another, and, if `echoes`, any message with itself. It ends
/// with its parent.
class Answerer {
 public:
  Answerer(const std::string& endpoint, std::size_t message_size, bool echoes) : parent_(::getpid()), pid_(::fork()) {
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) answer(endpoint, message_size, echoes);
  }
  ~Answerer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

 private:
  [[noreturn]] void answer(const std::string& endpoint, std::size_t message_size, bool echoes) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent_) std::_Exit(1);
    try {
      Link link(message_size);
      link.bind(endpoint);
      for (;;) {
        zmq::message_t message = link.receive();
        if (message.empty() || echoes) link.send(std::move(message));
      }
    } catch (const std::exception& error) {
      std::cerr << "bench_limits: " << error.what() << '\n';
      std::_Exit(1);
    }
  }

  const pid_t parent_;
  const pid_t pid_;  // 0 in the child
};

/// Sockets of this name space need no file, so that no directory's path is too long for them.
std::string new_endpoint() {
  static int number = 0;
  return "ipc://@accrete-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

void send_messages(benchmark::State& state, std::size_t message_size, std::size_t messages) {
  const std::string endpoint = new_endpoint();
  const Answerer other(endpoint, message_size, false);
  std::string bytes(message_size, 'x');
  Link link(message_size);
  link.connect(endpoint);
  link.wait();
  for (auto _ : state) {
    for (std::size_t i = 0; i < messages; ++i) link.send(zmq::message_t(bytes.data(), bytes.size(), nullptr));
    link.wait();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(messages * message_size));
}

void round_trip(benchmark::State& state) {
  const std::string endpoint = new_endpoint();
  const std::string bytes(100, 'x');
  const Answerer other(endpoint, bytes.size(), true);
  Link link(bytes.size());
  link.connect(endpoint);
  link.wait();
  for (auto _ : state) {
    link.send(zmq::message_t(bytes));
    (void)link.receive();
  }
}

BENCHMARK_CAPTURE(send_messages, 1k, 1024, 131'072)->Name("zmq_1k")->UseRealTime();
BENCHMARK_CAPTURE(send_messages, 64k, 65'536, 4096)->Name("zmq_64k")->UseRealTime();
BENCHMARK_CAPTURE(send_messages, 1m, mebibyte, 512)->Name("zmq_1m")->UseRealTime();
BENCHMARK(round_trip)->Name("zmq_round_trip")->UseRealTime();

}  // namespace
}  // namespace bench
