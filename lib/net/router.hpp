// The server's end of the wire: bound ROUTER sockets, which carry messages of one frame. No meaning here: that is in
// protocol.hpp.
#pragma once

#include <accrete/accrete.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "net/curve.hpp"
#include "net/message_pool.hpp"

namespace accrete {

/// Who is at the other end of a connection. ZeroMQ gives an identity to each connection of a socket.
struct Peer {
  std::size_t endpoint = 0;  ///< index of the endpoint that it has come through
  std::string identity{};

  friend bool operator<(const Peer& a, const Peer& b) noexcept {
    return std::tie(a.endpoint, a.identity) < std::tie(b.endpoint, b.identity);
  }
};

/// The bytes of a message, where ZeroMQ has put them. May go to and end in another thread.
class MessageBytes {
 public:
  MessageBytes() noexcept;
  MessageBytes(MessageBytes&&) noexcept;
  MessageBytes& operator=(MessageBytes&&) noexcept;
  ~MessageBytes();
  /// They do not move with the message.
  [[nodiscard]] std::string_view bytes() const noexcept;
  /// Of the connection that it has come over; -1 if it is not known. It may be closed already.
  [[nodiscard]] int descriptor() const noexcept;

 private:
  friend class Router;
  struct Message;
  explicit MessageBytes(std::unique_ptr<Message> message) noexcept;
  std::unique_ptr<Message> message_;
};

struct Received {
  Peer from{};
  MessageBytes message{};
  bool malformed = false;  ///< it had another number of frames than one; `message` is empty
};

enum class SendResult {
  sent,
  full,  ///< the peer does not read; try again later
  gone,  ///< there is no such peer any more
};

/// What ends Router::poll besides its descriptors.
enum class Awaited { messages, nothing };

/// CURVE on the TCP endpoints.
struct ServerCurve {
  KeyPair keys{};
  /// Public keys of the clients that may connect; nullopt: whoever knows the server's.
  std::optional<std::vector<std::string>> allowed_clients{};
};

struct RouterOptions {
  std::uint64_t max_message = std::uint64_t{4} << 20;  ///< a peer that sends a longer message is disconnected
  int receive_queue = 4;                               ///< messages of a peer that wait to be received
  int send_queue = 8;                                  ///< messages to a peer that wait to be sent
  std::optional<ServerCurve> curve{};
};

/// For one thread at a time.
///
/// Limitations: ZeroMQ keeps all frames of a message until the last has come, so a peer that never ends its message can
/// take any amount of memory: let only those connect that are trusted so far (file permissions, CURVE).
class Router {
 public:
  explicit Router(RouterOptions options = {});
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// Binds one more endpoint, `ipc://PATH` or `tcp://ADDRESS:PORT` (`*`: a free port); returns it with its real port.
  /// Throws NetworkError if that cannot be.
  std::string bind(const std::string& endpoint);

  /// Waits until a message can be received (if `awaited` says so), one of the descriptors `fds` can be read, or
  /// `timeout` has passed.
  void poll(std::span<const int> fds, std::chrono::milliseconds timeout, Awaited awaited = Awaited::messages);

  /// The next message, taken from the endpoints in turn; nullopt if there is none.
  [[nodiscard]] std::optional<Received> try_receive();

  [[nodiscard]] SendResult try_send(const Peer& to, std::string_view bytes);
  [[nodiscard]] SendResult try_send(const Peer& to, const SharedMessage& message);

  /// Replaces the list of ServerCurve::allowed_clients, which there must be one of. Counts from the next handshake on:
  /// connections that are open stay so.
  KeyListChange allow_clients(const std::vector<std::string>& keys);

  /// Connections that were refused in the handshake of CURVE.
  struct Refusals {
    std::uint64_t count = 0;
    std::string last_reason{};  ///< such as "its key … is not on the list"
  };
  /// Those since the last call.
  [[nodiscard]] Refusals take_refusals();

  /// Closes all endpoints. Waits at most `linger` until what was sent has left.
  void close(std::chrono::milliseconds linger) noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accrete
