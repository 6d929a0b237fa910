// The client's end of the wire: a DEALER socket that is connected anew by whoever uses it. No meaning here: that is in
// protocol.hpp.
#pragma once

#include <accrete/accrete.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <zmq.hpp>

#include "net/message_pool.hpp"
#include "net/socket_monitor.hpp"

namespace accrete {

/// For one thread at a time. ZeroMQ never connects again by itself: what it had queued would then arrive in front of
/// the greeting. Its functions throw NetworkError.
class Dealer {
 public:
  enum class Event {
    connected,     ///< the handshake is done
    failed,        ///< there was no connection, or it has ended
    auth_failed,   ///< the server refused this client's key, or one of both wants keys and the other does not
    auth_unclear,  ///< the server ended the handshake on TCP: it may be that keys do not match
  };

  Dealer(std::string endpoint, const ClientOptions& options);
  ~Dealer();
  Dealer(const Dealer&) = delete;
  Dealer& operator=(const Dealer&) = delete;

  /// Begins to connect a new socket. What is sent meanwhile waits for the connection. Throws AuthError where this user
  /// may not use the server's socket.
  void open();
  /// Drops the socket and all that it holds, after it had `linger` to send.
  void close(std::chrono::milliseconds linger = {}) noexcept;
  [[nodiscard]] bool is_open() const noexcept { return socket_.has_value(); }

  /// Without copying; false if there is no room.
  [[nodiscard]] bool try_send(const SharedMessage& message);
  [[nodiscard]] bool try_send(std::string_view message);

  /// The next message; nullopt if there is none. Throws if one has more frames than one.
  [[nodiscard]] std::optional<zmq::message_t> try_receive();

  [[nodiscard]] std::optional<Event> try_event();

  /// What auth_failed means, as far as this side can tell, and what to do.
  [[nodiscard]] std::string refusal_by_keys() const;

  /// Waits until there is a message or an event, `fd` can be read, or `timeout` has passed.
  void poll(int fd, std::optional<std::chrono::milliseconds> timeout);

 private:
  void configure(zmq::socket_t& socket);

  const std::string endpoint_;
  const std::string server_key_;
  const bool has_given_keys_;
  const KeyPair keys_;
  zmq::context_t context_;
  std::optional<zmq::socket_t> socket_;
  std::unique_ptr<SocketMonitor> monitor_;  // destroyed before what it watches
  std::uint64_t attempts_ = 0;
  bool is_shaking_hands_ = false;
};

}  // namespace accrete
