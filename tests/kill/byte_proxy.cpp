// Harms a stream of bytes between clients and their server.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <list>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "kill/proxy.hpp"
#include "os/descriptor.hpp"
#include "os/wake_up.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

using Clock = std::chrono::steady_clock;

Descriptor stream_socket() {
  Descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (made.get() < 0) throw std::system_error(errno, std::generic_category(), "socket");
  return made;
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  return address;
}

/// One direction of a connection.
class Flow {
 public:
  Flow(int from, int to, Random& random) : from_(from), to_(to), random_(random) { plan_fault(); }

  [[nodiscard]] int from() const noexcept { return from_; }
  [[nodiscard]] int to() const noexcept { return to_; }
  [[nodiscard]] bool is_empty() const noexcept { return pending_.empty(); }
  [[nodiscard]] bool may_send(Clock::time_point now) const noexcept { return !pending_.empty() && now >= held_until_; }

  /// False when the connection is to be cut.
  bool take(std::atomic<int>& faults) {
    std::array<char, 16384> buffer;
    const ssize_t size = ::read(from_, buffer.data(), buffer.size());
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    std::string bytes(buffer.data(), static_cast<std::size_t>(size));
    if (bytes.size() < until_fault_) {
      until_fault_ -= bytes.size();
    } else {
      const std::size_t at = until_fault_;
      plan_fault();
      ++faults;
      if (!harm(bytes, at)) return false;
    }
    pending_ += bytes;
    return true;
  }

  /// False when the other side is gone.
  bool send() {
    const ssize_t size = ::send(to_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    pending_.erase(0, static_cast<std::size_t>(size));
    return true;
  }

 private:
  void plan_fault() { until_fault_ = one_in(random_, 6) ? random_below(random_, 400) : random_below(random_, 40'000); }

  /// False when the connection is to be cut.
  bool harm(std::string& bytes, std::size_t at) {
    const std::size_t length = std::min(bytes.size() - at, 1 + random_below(random_, 200));
    const std::string stretch = bytes.substr(at, length);
    switch (random_below(random_, 6)) {
      case 0:
        return false;
      case 1:
        bytes.insert(at, stretch);
        return true;
      case 2:
        bytes.erase(at, length);
        bytes.insert(random_below(random_, bytes.size() + 1), stretch);
        return true;
      case 3:
        if (length > 0) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random_below(random_, 8)));
        return true;
      case 4:
        bytes.erase(at, length);
        return true;
      default:
        held_until_ = Clock::now() + std::chrono::milliseconds(random_below(random_, 30));
        return true;
    }
  }

  int from_;
  int to_;
  Random& random_;
  std::size_t until_fault_ = 0;
  std::string pending_;
  Clock::time_point held_until_{};
};

struct Connection {
  Connection(Descriptor its_client, Descriptor its_server, Random& random)
      : client(std::move(its_client)),
        server(std::move(its_server)),
        flows{Flow(client.get(), server.get(), random), Flow(server.get(), client.get(), random)} {}

  Descriptor client;
  Descriptor server;
  std::array<Flow, 2> flows;
};

class ByteProxy final : public Proxy {
 public:
  ByteProxy(const std::string& listen_path, std::string server_path, std::uint64_t seed)
      : server_path_(std::move(server_path)), listener_(stream_socket()), random_(seed) {
    const sockaddr_un address = address_of(listen_path);
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), SOMAXCONN) != 0) {
      throw std::system_error(errno, std::generic_category(), "listen at " + listen_path);
    }
    thread_ = std::thread([this] { run(); });
  }
  ~ByteProxy() override {
    stop_ = true;
    wake_up_.signal();
    thread_.join();
  }

  [[nodiscard]] int faults() const noexcept override { return faults_; }

 private:
  void run() {
    while (!stop_) {
      wait();
      accept();
      const Clock::time_point now = Clock::now();
      connections_.remove_if([&](Connection& connection) { return !carry(connection, now); });
    }
  }

  void wait() {
    std::vector<pollfd> awaited = {{.fd = wake_up_.fd(), .events = POLLIN, .revents = 0},
                                   {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
    const Clock::time_point now = Clock::now();
    int timeout_ms = -1;
    for (const Connection& connection : connections_) {
      for (const Flow& flow : connection.flows) {
        if (flow.is_empty()) {
          awaited.push_back({.fd = flow.from(), .events = POLLIN, .revents = 0});
        } else if (flow.may_send(now)) {
          awaited.push_back({.fd = flow.to(), .events = POLLOUT, .revents = 0});
        } else {
          timeout_ms = 1;
        }
      }
    }
    (void)::poll(awaited.data(), awaited.size(), timeout_ms);
  }

  void accept() {
    Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.get() < 0) return;
    Descriptor server = stream_socket();
    const sockaddr_un address = address_of(server_path_);
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    connections_.emplace_back(std::move(client), std::move(server), random_);
  }

  /// False when the connection has ended.
  bool carry(Connection& connection, Clock::time_point now) {
    return std::all_of(connection.flows.begin(), connection.flows.end(), [&](Flow& flow) {
      if (flow.is_empty() && !flow.take(faults_)) return false;
      return !flow.may_send(now) || flow.send();
    });
  }

  std::string server_path_;
  Descriptor listener_;
  Random random_;
  std::list<Connection> connections_;
  std::atomic<int> faults_ = 0;
  std::atomic<bool> stop_ = false;
  WakeUp wake_up_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Proxy> byte_proxy(const std::string& listen_path, const std::string& server_path, std::uint64_t seed) {
  return std::make_unique<ByteProxy>(listen_path, server_path, seed);
}

}  // namespace accrete::test
