// Limits of ZeroMQ over a local socket, between two processes: one sends, the other drops what it gets. Messages are
// sent out of memory that they share (no copy on the sender's side), by DEALERs, which add no frames.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <functional>
#include <iostream>
#include <malloc.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <zmq.hpp>

#include "limits/limits.hpp"
#include "limits/timing.hpp"

namespace bench {
namespace {

constexpr std::size_t rounds = 3;
constexpr std::size_t bytes_in_flight = 16 * mebibyte;

/// What ZeroMQ frees is what it asks for next: the system need not clear it again.
void keep_freed_memory() {
  constexpr int most = 32 * static_cast<int>(mebibyte);
  (void)::mallopt(M_MMAP_THRESHOLD, most);
  (void)::mallopt(M_TRIM_THRESHOLD, 4 * most);
}

/// Both ends of a connection have one.
class Link {
 public:
  explicit Link(std::size_t message_size) {
    const auto queue = static_cast<int>(std::clamp<std::size_t>(bytes_in_flight / message_size, 16, 4096));
    socket_.set(zmq::sockopt::sndhwm, queue);
    socket_.set(zmq::sockopt::rcvhwm, queue);
    socket_.set(zmq::sockopt::linger, 0);
  }

  /// So that it does not wait for ever for another process that has died.
  void give_up_after(std::chrono::milliseconds time) {
    socket_.set(zmq::sockopt::sndtimeo, static_cast<int>(time.count()));
    socket_.set(zmq::sockopt::rcvtimeo, static_cast<int>(time.count()));
  }

  void bind(const std::string& endpoint) { socket_.bind(endpoint); }
  void connect(const std::string& endpoint) { socket_.connect(endpoint); }

  void send(zmq::message_t message) {
    if (!socket_.send(message, zmq::send_flags::none)) throw std::runtime_error("the other process takes no messages");
  }
  [[nodiscard]] zmq::message_t receive() {
    zmq::message_t message;
    if (!socket_.recv(message)) throw std::runtime_error("the other process does not answer");
    return message;
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::dealer};
};

/// Answers an empty message with another, and, if `echoes`, any message with itself. Ends with its parent.
[[noreturn]] void answer(const std::string& endpoint, std::size_t message_size, bool echoes, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) std::_Exit(1);
  try {
    keep_freed_memory();
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

class Answerer {
 public:
  Answerer(const std::string& endpoint, std::size_t message_size, bool echoes) : parent_(::getpid()), pid_(::fork()) {
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) answer(endpoint, message_size, echoes, parent_);
  }
  ~Answerer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

 private:
  const pid_t parent_;
  const pid_t pid_;  // 0 in the child
};

/// Sockets of this name space need no file, so that no directory's path is too long for them.
std::string new_endpoint() {
  static int number = 0;
  return "ipc://@accrete-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

/// Connects to another process and does the work, with a message of so many bytes to be sent again and again.
double with_link(std::size_t message_size, bool echoes,
                 const std::function<double(Link&, const std::string&)>& measure) {
  keep_freed_memory();
  const std::string endpoint = new_endpoint();
  const Answerer other(endpoint, message_size, echoes);
  const std::string bytes(message_size, 'x');
  Link link(message_size);
  link.give_up_after(std::chrono::seconds(10));
  link.connect(endpoint);
  link.send(zmq::message_t());
  (void)link.receive();
  return measure(link, bytes);
}

double message_rate(std::size_t message_size, std::size_t bytes_a_round) {
  const std::size_t messages = bytes_a_round / message_size;
  return with_link(message_size, false, [&](Link& link, const std::string& bytes) {
    const double seconds = median_of(rounds, [&] {
      return seconds_of([&] {
        for (std::size_t i = 0; i < messages; ++i) {
          link.send(zmq::message_t(const_cast<char*>(bytes.data()), bytes.size(), nullptr));
        }
        link.send(zmq::message_t());
        (void)link.receive();  // so that the others have come, too
      });
    });
    return static_cast<double>(messages * message_size) / seconds;
  });
}

double round_trip() {
  constexpr std::size_t message_size = 100;
  constexpr std::size_t trips = 2000;
  return with_link(message_size, true, [&](Link& link, const std::string& bytes) {
    return median_of(rounds, [&] {
      return seconds_of([&] {
               for (std::size_t i = 0; i < trips; ++i) {
                 link.send(zmq::message_t(bytes));
                 (void)link.receive();
               }
             }) /
             trips;
    });
  });
}

}  // namespace

Limits message_limits() {
  return {
      {"zmq_1k", "bytes/s", [] { return message_rate(1024, 128 * mebibyte); }},
      {"zmq_64k", "bytes/s", [] { return message_rate(std::size_t{64} * 1024, 256 * mebibyte); }},
      {"zmq_1m", "bytes/s", [] { return message_rate(mebibyte, 512 * mebibyte); }},
      {"zmq_round_trip", "s", round_trip},
  };
}

}  // namespace bench
