#include "net/router.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <set>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "net/endpoint.hpp"
#include "net/socket_monitor.hpp"
#include "net/zmq_error.hpp"
#include "net/zmq_frame.hpp"
#include "os/local_socket.hpp"

namespace accrete {

struct MessageBytes::Message {
  zmq::message_t message;
};

MessageBytes::MessageBytes() noexcept = default;
MessageBytes::MessageBytes(MessageBytes&&) noexcept = default;
MessageBytes& MessageBytes::operator=(MessageBytes&&) noexcept = default;
MessageBytes::~MessageBytes() = default;
MessageBytes::MessageBytes(std::unique_ptr<Message> message) noexcept : message_(std::move(message)) {}

std::string_view MessageBytes::bytes() const noexcept {
  return message_ ? message_->message.to_string_view() : std::string_view{};
}

int MessageBytes::descriptor() const noexcept {
  return message_ ? zmq_msg_get(message_->message.handle(), ZMQ_SRCFD) : -1;
}

namespace {

/// Answers ZeroMQ's questions whether a client's key is known (RFC 27, ZAP).
class KeyCheck {
 public:
  KeyCheck(zmq::context_t& context, const std::vector<std::string>& allowed, Router::Refusals& refusals)
      : socket_(context, zmq::socket_type::rep), allowed_(allowed.begin(), allowed.end()), refusals_(refusals) {
    socket_.bind("inproc://zeromq.zap.01");
  }

  [[nodiscard]] zmq::socket_t& socket() noexcept { return socket_; }

  KeyListChange allow(const std::vector<std::string>& keys) {
    Keys allowed(keys.begin(), keys.end());
    const KeyListChange change{
        .keys = allowed.size(), .added = count_missing(allowed, allowed_), .removed = count_missing(allowed_, allowed)};
    allowed_ = std::move(allowed);
    return change;
  }

  void answer_all() {
    for (;;) {
      std::vector<std::string> request;
      do {
        zmq::message_t part;
        if (!socket_.recv(part, zmq::recv_flags::dontwait)) return;
        request.push_back(part.to_string());
      } while (socket_.get(zmq::sockopt::rcvmore));
      answer(request);
    }
  }

 private:
  using Keys = std::set<std::string, std::less<>>;

  /// How many of `keys` are not in `others`.
  static std::uint64_t count_missing(const Keys& keys, const Keys& others) {
    return static_cast<std::uint64_t>(
        std::count_if(keys.begin(), keys.end(), [&](const std::string& key) { return !others.contains(key); }));
  }

  // A request is: version, request id, domain, address, identity, mechanism, credentials.
  void answer(const std::vector<std::string>& request) {
    constexpr std::size_t request_id = 1;
    constexpr std::size_t address = 3;
    constexpr std::size_t mechanism = 5;
    constexpr std::size_t credentials = 6;
    constexpr std::size_t key_bytes = 32;
    bool known = false;
    if (request.size() > credentials && request[mechanism] == "CURVE" && request[credentials].size() == key_bytes) {
      constexpr std::size_t z85_size = key_bytes / 4 * 5;
      std::string key(z85_size, '\0');
      zmq_z85_encode(key.data(), reinterpret_cast<const std::uint8_t*>(request[credentials].data()), key_bytes);
      known = allowed_.contains(key);
      if (!known) {
        ++refusals_.count;
        refusals_.last_reason = "its key " + key + " is not on the list (" + request[address] + ")";
      }
    }
    const std::string id = request.size() > request_id ? request[request_id] : "";
    for (const std::string_view part :
         {std::string_view{"1.0"}, std::string_view{id}, std::string_view{known ? "200" : "400"},
          std::string_view{known ? "OK" : "unknown key"}, std::string_view{}}) {
      socket_.send(zmq::buffer(part), zmq::send_flags::sndmore);
    }
    socket_.send(zmq::str_buffer(""), zmq::send_flags::none);
  }

  zmq::socket_t socket_;
  Keys allowed_;
  Router::Refusals& refusals_;
};

constexpr int refused_handshakes = ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

/// Why a handshake ended before a key was asked for.
std::string reason_of(const SocketMonitor::Event& event) {
  if (event.type == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) return "it ended the handshake of CURVE";
  switch (event.value) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
      return "it does not use CURVE";
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
      return "it has another key for this server";
    default:
      return "it does not speak the protocol of CURVE";
  }
}

/// A socket that clients connect to.
struct Listener {
  zmq::socket_t socket;
  std::unique_ptr<SocketMonitor> handshakes;  // destroyed before what it watches
};

[[noreturn]] void throw_bind_error(const std::string& endpoint, const zmq::error_t& error) {
  std::string advice;
  switch (error.num()) {
    case EADDRINUSE:
      advice = "; another program listens there, so stop it or choose another port";
      break;
    case EADDRNOTAVAIL:
    case ENODEV:
      advice = "; name an address of this host";
      break;
    case ENOENT:
      advice = "; make the directory first";
      break;
    case ENAMETOOLONG:
      advice = "; the path of a socket has at most 107 bytes";
      break;
    default:
      break;
  }
  throw NetworkError("cannot bind " + accrete::quoted(endpoint) + ": " + error.what() + advice);
}

/// ZeroMQ removes whatever is at the path of a socket before it makes one.
void refuse_to_replace(const std::string& endpoint) {
  const std::optional<std::string> path = socket_path(endpoint);
  if (!path) return;
  switch (look_at_local_socket(*path)) {
    case LocalSocket::live:
      throw NetworkError("cannot bind " + accrete::quoted(endpoint) +
                         ": Address already in use; another program listens there, so stop it or choose another path");
    case LocalSocket::other:
      throw NetworkError("cannot bind " + accrete::quoted(endpoint) +
                         ": there is something that is no socket; remove it or choose another path");
    case LocalSocket::none:
    case LocalSocket::stale:
      return;
  }
}

}  // namespace

class Router::Impl {
 public:
  explicit Impl(RouterOptions options) : options_(std::move(options)) {
    context_.set(zmq::ctxopt::max_sockets, 64);
    if (options_.curve && options_.curve->allowed_clients) {
      key_check_.emplace(context_, *options_.curve->allowed_clients, refusals_);
    }
  }

  std::string bind(const std::string& endpoint) {
    refuse_to_replace(endpoint);
    Listener listener{.socket{context_, zmq::socket_type::router}, .handshakes{}};
    configure(listener.socket, endpoint);
    if (options_.curve && is_tcp(endpoint)) {
      listener.handshakes = std::make_unique<SocketMonitor>(
          context_, listener.socket, "handshakes-" + std::to_string(listeners_.size()), refused_handshakes);
    }
    try {
      listener.socket.bind(endpoint);
    } catch (const zmq::error_t& error) {
      throw_bind_error(endpoint, error);
    }
    std::string bound = listener.socket.get(zmq::sockopt::last_endpoint);
    listeners_.push_back(std::move(listener));
    return bound;
  }

  void poll(std::span<const int> fds, std::chrono::milliseconds timeout, Awaited awaited) {
    std::vector<zmq::pollitem_t> items;
    if (key_check_) items.push_back({key_check_->socket().handle(), 0, ZMQ_POLLIN, 0});
    for (Listener& listener : listeners_) {
      if (listener.handshakes) items.push_back({listener.handshakes->handle(), 0, ZMQ_POLLIN, 0});
      if (awaited == Awaited::messages) items.push_back({listener.socket.handle(), 0, ZMQ_POLLIN, 0});
    }
    for (const int fd : fds) items.push_back({nullptr, fd, ZMQ_POLLIN, 0});
    try {
      zmq::poll(items, timeout);
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
    if (key_check_) key_check_->answer_all();
    for (Listener& listener : listeners_) count_refused_handshakes(listener);
  }

  KeyListChange allow_clients(const std::vector<std::string>& keys) { return key_check_.value().allow(keys); }

  Router::Refusals take_refusals() { return std::exchange(refusals_, {}); }

  std::optional<Received> try_receive() {
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      const std::size_t endpoint = next_;
      next_ = (next_ + 1) % listeners_.size();
      if (auto received = try_receive_from(endpoint)) return received;
    }
    return std::nullopt;
  }

  /// `send` sends the message to the socket, without waiting.
  template <typename Send>
  SendResult try_send(const Peer& to, Send send) {
    zmq::socket_t& socket = listeners_[to.endpoint].socket;
    try {
      const auto flags = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
      if (!socket.send(zmq::buffer(to.identity), flags)) return SendResult::full;
      // The queue has room: that was checked with the identity.
      send(socket);
      return SendResult::sent;
    } catch (const zmq::error_t& error) {
      if (error.num() == EHOSTUNREACH) return SendResult::gone;
      throw;
    }
  }

  void close(std::chrono::milliseconds linger) noexcept {
    for (Listener& listener : listeners_) {
      const auto linger_ms = static_cast<int>(linger.count());
      (void)zmq_setsockopt(listener.socket.handle(), ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    }
    listeners_.clear();
    key_check_.reset();
    context_.close();
  }

 private:
  void configure(zmq::socket_t& socket, const std::string& endpoint) {
    constexpr std::uint64_t max_number = std::numeric_limits<std::int64_t>::max();
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(std::min(options_.max_message, max_number)));
    socket.set(zmq::sockopt::rcvhwm, options_.receive_queue);
    socket.set(zmq::sockopt::sndhwm, options_.send_queue);
    socket.set(zmq::sockopt::router_mandatory, true);
    socket.set(zmq::sockopt::linger, 0);
    constexpr int backlog = 512;
    socket.set(zmq::sockopt::backlog, backlog);
    if (!is_tcp(endpoint)) return;
    // Connections that a dead host or a cut cable leaves behind are found by these.
    constexpr int heartbeat_ms = 10'000;
    socket.set(zmq::sockopt::heartbeat_ivl, heartbeat_ms);
    socket.set(zmq::sockopt::heartbeat_timeout, 3 * heartbeat_ms);
    socket.set(zmq::sockopt::ipv6, !has_ipv4_address(endpoint));
    if (!options_.curve) return;
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::curve_secretkey, options_.curve->keys.secret_key);
    socket.set(zmq::sockopt::zap_domain, "accrete");
  }

  void count_refused_handshakes(Listener& listener) {
    if (!listener.handshakes) return;
    while (const std::optional<SocketMonitor::Event> event = listener.handshakes->try_take()) {
      ++refusals_.count;
      refusals_.last_reason = reason_of(*event);
    }
  }

  std::optional<Received> try_receive_from(std::size_t endpoint) {
    zmq::socket_t& socket = listeners_[endpoint].socket;
    zmq::message_t identity;
    if (!socket.recv(identity, zmq::recv_flags::dontwait)) return std::nullopt;
    Received received;
    received.from = {endpoint, identity.to_string()};
    auto body = std::make_unique<MessageBytes::Message>();
    std::size_t frames = 0;
    for (; socket.get(zmq::sockopt::rcvmore); ++frames) {
      (void)socket.recv(body->message, zmq::recv_flags::dontwait);
    }
    received.malformed = frames != 1;
    if (!received.malformed) received.message = MessageBytes(std::move(body));
    return received;
  }

  RouterOptions options_;
  Router::Refusals refusals_;
  zmq::context_t context_;
  std::optional<KeyCheck> key_check_;
  std::vector<Listener> listeners_;
  std::size_t next_ = 0;
};

Router::Router(RouterOptions options)
    : impl_(with_zmq_errors("start", "ZeroMQ", [&] { return std::make_unique<Impl>(std::move(options)); })) {}

Router::~Router() = default;

std::string Router::bind(const std::string& endpoint) {
  if (!is_endpoint(endpoint)) {
    throw InvalidArgumentError("cannot bind " + accrete::quoted(endpoint) +
                               ": an endpoint is ipc://PATH or tcp://ADDRESS:PORT, such as tcp://127.0.0.1:5555");
  }
  return with_zmq_errors("bind", endpoint, [&] { return impl_->bind(endpoint); });
}

void Router::poll(std::span<const int> fds, std::chrono::milliseconds timeout, Awaited awaited) {
  with_zmq_errors("poll", "the endpoints", [&] { impl_->poll(fds, timeout, awaited); });
}

std::optional<Received> Router::try_receive() {
  return with_zmq_errors("receive from", "the endpoints", [&] { return impl_->try_receive(); });
}

SendResult Router::try_send(const Peer& to, std::string_view bytes) {
  return with_zmq_errors("send to", "a client", [&] {
    return impl_->try_send(
        to, [&](zmq::socket_t& socket) { (void)socket.send(zmq::buffer(bytes), zmq::send_flags::dontwait); });
  });
}

SendResult Router::try_send(const Peer& to, const SharedMessage& message) {
  return with_zmq_errors("send to", "a client", [&] {
    zmq::message_t frame = make_frame(message);  // before the identity, after which it may not fail
    return impl_->try_send(
        to, [&](zmq::socket_t& socket) { (void)socket.send(std::move(frame), zmq::send_flags::dontwait); });
  });
}

KeyListChange Router::allow_clients(const std::vector<std::string>& keys) { return impl_->allow_clients(keys); }

Router::Refusals Router::take_refusals() { return impl_->take_refusals(); }

void Router::close(std::chrono::milliseconds linger) noexcept { impl_->close(linger); }

}  // namespace accrete
