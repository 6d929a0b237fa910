// Harms the messages between clients and their server. Each client has a connection of its own to the server.
#include <atomic>
#include <chrono>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "kill/proxy.hpp"
#include "net/dealer.hpp"
#include "net/router.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

using Clock = std::chrono::steady_clock;

/// One direction of a connection.
class MessageFlow {
 public:
  explicit MessageFlow(Random& random) : random_(random) {}

  void take(std::string message, std::atomic<int>& faults) {
    const bool is_harmed = one_in(random_, 40);
    if (!is_harmed) return add(std::move(message));
    ++faults;
    switch (random_below(random_, 4)) {
      case 0:
        return;  // lost
      case 1:
        add(message);
        return add(std::move(message));
      case 2:
        swapped_ = std::move(message);  // comes after the next one
        return;
      default:
        held_until_ = Clock::now() + std::chrono::milliseconds(random_below(random_, 30));
        return add(std::move(message));
    }
  }

  /// Sends what is due; `try_send` returns false for what cannot be sent now.
  template <typename TrySend>
  void send(TrySend try_send) {
    while (!pending_.empty() && Clock::now() >= held_until_ && try_send(pending_.front())) pending_.pop_front();
  }

 private:
  void add(std::string message) {
    pending_.push_back(std::move(message));
    if (swapped_) pending_.push_back(*std::exchange(swapped_, std::nullopt));
  }

  Random& random_;
  std::deque<std::string> pending_;
  std::optional<std::string> swapped_;
  Clock::time_point held_until_{};
};

struct Route {
  Route(const std::string& endpoint, Random& random) : server(endpoint, {}), up(random), down(random) { server.open(); }

  Dealer server;
  MessageFlow up;
  MessageFlow down;
};

class MessageProxy final : public Proxy {
 public:
  MessageProxy(const std::string& listen_path, const std::string& server_path, std::uint64_t seed)
      : server_("ipc://" + server_path), random_(seed) {
    clients_.bind("ipc://" + listen_path);
    thread_ = std::thread([this] { run(); });
  }
  ~MessageProxy() override {
    stop_ = true;
    thread_.join();
    clients_.close({});
  }

  [[nodiscard]] int faults() const noexcept override { return faults_; }

 private:
  void run() {
    while (!stop_) {
      clients_.poll({}, std::chrono::milliseconds{1});
      while (const std::optional<Received> received = clients_.try_receive()) {
        const auto [route, is_new] = routes_.try_emplace(received->from, server_, random_);
        route->second.up.take(std::string(received->message.bytes()), faults_);
      }
      for (auto route = routes_.begin(); route != routes_.end();) {
        route = carry(route->first, route->second) ? std::next(route) : routes_.erase(route);
      }
    }
  }

  /// False when the client or the server has gone.
  bool carry(const Peer& client, Route& route) {
    route.up.send([&](const std::string& message) { return route.server.try_send(message); });
    while (const auto message = route.server.try_receive()) route.down.take(message->to_string(), faults_);
    while (const auto event = route.server.try_event()) {
      if (*event != Dealer::Event::connected) return false;
    }
    bool is_gone = false;
    route.down.send([&](const std::string& message) {
      const SendResult result = clients_.try_send(client, message);
      is_gone = is_gone || result == SendResult::gone;
      return result == SendResult::sent;
    });
    return !is_gone;
  }

  std::string server_;
  Random random_;
  Router clients_;
  std::map<Peer, Route> routes_;
  std::atomic<int> faults_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Proxy> message_proxy(const std::string& listen_path, const std::string& server_path,
                                     std::uint64_t seed) {
  return std::make_unique<MessageProxy>(listen_path, server_path, seed);
}

}  // namespace accrete::test
