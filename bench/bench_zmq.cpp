// Times what ZeroMQ alone makes of small appends, each client a process:
// bench_zmq receive ENDPOINT [DIRECTORY], which prints the endpoint that it has got, then
// bench_zmq send ENDPOINT CLIENTS APPENDS [gathered]
//
// Without DIRECTORY and `gathered`, it moves the bytes of the appends in large messages and drops them: the limit of
// any server on this transport. With them, a client copies each append and the number of its key into a message, and
// the receiver copies each to its key and writes them to a file a key: the limit of any server that does the whole job,
// with nothing that it could promise.
//
// Prints "quantity<TAB>subject<TAB>value": million appends a second until the last client knows that its bytes are
// received, and written.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>
#include <zmq.hpp>

#include "bare_value.hpp"
#include "client_processes.hpp"
#include "workload.hpp"

namespace {

constexpr std::size_t message_size = std::size_t{1} << 20;
constexpr int queue_messages = 16;  // as many bytes in flight as accrete's window has

/// An append in a message.
struct Gathered {
  std::uint32_t key = 0;
  char bytes[bench::entry_size];
};

class Files {
 public:
  explicit Files(const std::filesystem::path& directory) {
    for (const std::string& key : bench::make_keys()) values_.emplace_back(directory / key);
  }

  /// Copies what is in the message to its keys, and returns how many bytes that is.
  std::size_t append(const zmq::message_t& message) {
    const auto* const first = static_cast<const char*>(message.data());
    const std::size_t count = message.size() / sizeof(Gathered);
    for (std::size_t i = 0; i < count; ++i) {
      const char* const at = first + i * sizeof(Gathered);
      std::uint32_t key = 0;
      std::memcpy(&key, at + offsetof(Gathered, key), sizeof key);
      values_.at(key).append({at + offsetof(Gathered, bytes), bench::entry_size});
    }
    return count * bench::entry_size;
  }

  void flush() {
    for (bench::BareValue& value : values_) value.flush();
  }

 private:
  std::vector<bench::BareValue> values_;
};

/// An empty message asks how many bytes of its sender have come.
void receive(const std::string& endpoint, const char* directory) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::router);
  socket.set(zmq::sockopt::rcvhwm, queue_messages);
  socket.bind(endpoint);
  std::cout << socket.get(zmq::sockopt::last_endpoint) << std::endl;
  std::unique_ptr<Files> files;
  if (directory != nullptr) files = std::make_unique<Files>(directory);
  std::map<std::string, std::size_t> received;
  for (;;) {
    zmq::message_t sender;
    zmq::message_t message;
    if (!socket.recv(sender) || !socket.recv(message)) throw std::runtime_error("no message");
    std::size_t& bytes = received[sender.to_string()];
    bytes += files ? files->append(message) : message.size();
    if (!message.empty()) continue;
    if (files) files->flush();
    socket.send(sender, zmq::send_flags::sndmore);
    socket.send(zmq::buffer(std::to_string(bytes)));
  }
}

class Client {
 public:
  explicit Client(const std::string& endpoint) {
    socket_.set(zmq::sockopt::sndhwm, queue_messages);
    socket_.connect(endpoint);
    (void)ask();  // so that the connection stands
  }

  void send_bytes(std::size_t size) {
    for (std::size_t done = 0; done < size;) {
      const std::size_t part = std::min(message_size, size - done);
      socket_.send(zmq::message_t(bytes_.data(), part), zmq::send_flags::none);  // the constructor copies
      done += part;
    }
    check(size);
  }

  void send_gathered(std::size_t appends) {
    constexpr std::size_t most = message_size / sizeof(Gathered);
    for (std::size_t done = 0; done < appends;) {
      const std::size_t count = std::min(most, appends - done);
      zmq::message_t message(count * sizeof(Gathered));
      auto* const gathered = static_cast<Gathered*>(message.data());
      for (std::size_t i = 0; i < count; ++i) {
        gathered[i].key = static_cast<std::uint32_t>((done + i) % bench::key_count);
        std::memcpy(gathered[i].bytes, bench::entry_bytes.data(), bench::entry_size);
      }
      socket_.send(std::move(message), zmq::send_flags::none);
      done += count;
    }
    check(appends * bench::entry_size);
  }

 private:
  void check(std::size_t size) {
    if (ask() != size) throw std::runtime_error("bytes were lost");
  }

  std::size_t ask() {
    zmq::message_t answer;
    socket_.send(zmq::message_t(), zmq::send_flags::none);
    if (!socket_.recv(answer)) throw std::runtime_error("no answer");
    return std::stoul(answer.to_string());
  }

  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::dealer};
  const std::string bytes_ = std::string(message_size, 'x');
};

void send(const std::string& endpoint, const std::string& client_count, const std::string& append_count,
          bool gathered) {
  const std::size_t clients = std::stoul(client_count);
  const std::size_t appends = bench::parse_appends(append_count, clients);
  const char* const subject = gathered ? "written" : "ZeroMQ";
  bench::time_clients(subject, clients, appends, [&](const bench::Share& share) {
    const auto client = std::make_shared<Client>(endpoint);
    return [client, share, gathered] {
      if (gathered) {
        client->send_gathered(share.appends);
      } else {
        client->send_bytes(share.appends * bench::entry_size);
      }
      return bench::ClientTimes{.acknowledged = bench::Clock::now()};
    };
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::size_t count = arguments.size();
  if ((count == 2 || count == 3) && arguments[0] == "receive") {
    return bench::exit_code_of("bench_zmq", [&] { receive(arguments[1], count == 3 ? argv[3] : nullptr); });
  }
  const bool gathered = count == 5 && arguments[4] == "gathered";
  if ((count == 4 || gathered) && arguments[0] == "send") {
    return bench::exit_code_of("bench_zmq", [&] { send(arguments[1], arguments[2], arguments[3], gathered); });
  }
  std::cerr
      << "usage: bench_zmq receive ENDPOINT [DIRECTORY]\n       bench_zmq send ENDPOINT CLIENTS APPENDS [gathered]\n";
  return 2;
}
