// Sends what waits for the clients, without ever waiting for one of them.
#pragma once

#include <deque>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "net/protocol.hpp"
#include "net/router.hpp"
#include "server/client.hpp"

namespace accrete::server {

class Outbox {
 public:
  explicit Outbox(Router& router) : router_(router) {}

  /// Each takes what is to be sent; `send_all` sends it.
  void acknowledge(const ClientHandle& client);
  void welcome(const ClientHandle& client, std::uint64_t request, const wire::Welcome& welcome);
  /// `busy`: the same may succeed later, whatever the type of the failure says.
  void refuse(const ClientHandle& client, std::uint64_t sequence, const std::exception_ptr& failure, bool busy = false);
  void fail(const ClientHandle& client, std::uint64_t request, const std::exception_ptr& failure, bool busy);
  void reply(const ClientHandle& client, PendingReply reply);
  void give_credit(const ClientHandle& client, const wire::More& more);

  /// Asks it to connect anew.
  void reset(const ClientHandle& client, const std::exception_ptr& failure);

  /// To peers that are no clients. Who does not take it within seconds does not get it.
  void fail_stranger(const Peer& peer, std::uint64_t request, const std::exception_ptr& failure);
  void reset_stranger(const Peer& peer, std::uint64_t request, const std::exception_ptr& failure);

  /// Sends what can be sent. Returns the clients that are to be dropped: they are gone, or read nothing and let too
  /// much gather.
  [[nodiscard]] std::vector<ClientHandle> send_all();

  /// False if all that can be sent without more credit is sent.
  [[nodiscard]] bool is_blocked() const noexcept { return !queue_.empty() || !to_strangers_.empty(); }

  /// Asks ZeroMQ whether the client is still there, by acknowledging once more.
  [[nodiscard]] bool is_there(Client& client);

 private:
  void enqueue(const ClientHandle& client);
  void control(const ClientHandle& client, const wire::Reply& reply);
  void tell_stranger(const Peer& peer, const wire::Reply& reply);
  void send_to_strangers();
  [[nodiscard]] static SendResult sent(Client& client, SendResult result);
  [[nodiscard]] SendResult send_to(Client& client);
  [[nodiscard]] SendResult send_reply(Client& client, PendingReply& reply);

  /// ZeroMQ had no room for it, which need not be the peer's fault.
  struct ToStranger {
    Peer peer;
    std::string message;
    Clock::time_point until;
  };

  Router& router_;
  std::vector<ClientHandle> queue_;  // clients for which something can be sent
  std::deque<ToStranger> to_strangers_;
  std::string message_;  // memory used again
};

}  // namespace accrete::server
