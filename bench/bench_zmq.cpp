// Times bare ZeroMQ, which moves the bytes of small appends in large messages, each client a process:
// bench_zmq receive ENDPOINT, which prints the endpoint that it has got, then bench_zmq send ENDPOINT CLIENTS APPENDS
//
// Prints "quantity<TAB>subject<TAB>value": million appends a second until the last client knows that its bytes are
// received. What is counted are the bytes that are appended; keys are left out.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <zmq.hpp>

#include "client_processes.hpp"
#include "workload.hpp"

namespace {

constexpr std::size_t message_size = std::size_t{1} << 20;
constexpr int queue_messages = 16;  // as many bytes in flight as accrete's window has

/// An empty message asks how many bytes of its sender have come.
void receive(const std::string& endpoint) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::router);
  socket.set(zmq::sockopt::rcvhwm, queue_messages);
  socket.bind(endpoint);
  std::cout << socket.get(zmq::sockopt::last_endpoint) << std::endl;
  std::map<std::string, std::size_t> received;
  for (;;) {
    zmq::message_t sender;
    zmq::message_t message;
    if (!socket.recv(sender) || !socket.recv(message)) throw std::runtime_error("no message");
    std::size_t& bytes = received[sender.to_string()];
    bytes += message.size();
    if (!message.empty()) continue;
    socket.send(sender, zmq::send_flags::sndmore);
    socket.send(zmq::buffer(std::to_string(bytes)));
  }
}

class Client {
 public:
  Client(const std::string& endpoint, std::size_t size) : size_(size) {
    socket_.set(zmq::sockopt::sndhwm, queue_messages);
    socket_.connect(endpoint);
    ask();  // so that the connection stands
  }

  bench::ClientTimes work() {
    for (std::size_t done = 0; done < size_;) {
      const std::size_t size = std::min(message_size, size_ - done);
      socket_.send(zmq::message_t(bytes_.data(), size), zmq::send_flags::none);  // the constructor copies
      done += size;
    }
    if (ask() != size_) throw std::runtime_error("bytes were lost");
    return {.acknowledged = bench::Clock::now()};
  }

 private:
  std::size_t ask() {
    zmq::message_t answer;
    socket_.send(zmq::message_t(), zmq::send_flags::none);
    if (!socket_.recv(answer)) throw std::runtime_error("no answer");
    return std::stoul(answer.to_string());
  }

  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::dealer};
  const std::string bytes_ = std::string(message_size, 'x');
  std::size_t size_;
};

void send(const std::string& endpoint, const std::string& client_count, const std::string& append_count) {
  const std::size_t clients = std::stoul(client_count);
  const std::size_t appends = bench::parse_appends(append_count, clients);
  bench::time_clients("ZeroMQ", clients, appends, [&](const bench::Share& share) {
    const auto client = std::make_shared<Client>(endpoint, share.appends * bench::entry_size);
    return [client] { return client->work(); };
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "receive")
    return bench::exit_code_of("bench_zmq", [&] { receive(arguments[1]); });
  if (arguments.size() == 4 && arguments[0] == "send")
    return bench::exit_code_of("bench_zmq", [&] { send(arguments[1], arguments[2], arguments[3]); });
  std::cerr << "usage: bench_zmq receive ENDPOINT\n       bench_zmq send ENDPOINT CLIENTS APPENDS\n";
  return 2;
}
