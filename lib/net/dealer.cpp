#include "net/dealer.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "net/curve.hpp"
#include "net/endpoint.hpp"
#include "net/protocol.hpp"
#include "net/zmq_error.hpp"
#include "net/zmq_frame.hpp"
#include "os/local_socket.hpp"
#include "os/process_resources.hpp"

namespace accrete {
namespace {

KeyPair keys_of(const ClientOptions& options) {
  if (options.server_key.empty() || !options.keys.secret_key.empty()) return options.keys;
  return make_key_pair();
}

constexpr int watched_events = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

/// ZeroMQ would try again for as long as it is let.
void refuse_forbidden_socket(const std::string& endpoint) {
  const std::optional<std::string> path = socket_path(endpoint);
  if (!path) return;
  const std::optional<std::string> owner = owner_of_forbidden_socket(*path);
  if (!owner) return;
  throw AuthError("cannot connect to the server " + accrete::quoted(endpoint) +
                  ": Permission denied; its socket is for the user " + *owner + ", so run this as that user");
}

/// ZeroMQ ends the process (an assertion) where it lacks some of these in the middle of its work.
void look_for_resources(const std::string& endpoint, std::size_t descriptors, std::size_t threads) {
  const std::string lacking = lacking_resources(descriptors, threads);
  if (lacking.empty()) return;
  throw NetworkError("cannot connect to " + accrete::quoted(endpoint) + ": " + lacking);
}

}  // namespace

Dealer::Dealer(std::string endpoint, const ClientOptions& options)
    : endpoint_(std::move(endpoint)),
      server_key_(options.server_key),
      has_given_keys_(!options.keys.secret_key.empty()),
      keys_(keys_of(options)) {
  constexpr std::size_t descriptors = 10;  // two threads that poll take two each, the sockets of a connection four
  constexpr std::size_t threads = 3;       // two of ZeroMQ's, and the one that uses this
  look_for_resources(endpoint_, descriptors, threads);
  // ZeroMQ starts its threads with the first socket.
  with_zmq_errors("connect to", endpoint_, [&] { zmq::socket_t(context_, zmq::socket_type::pair).close(); });
}

Dealer::~Dealer() { close(); }

void Dealer::open() {
  close();
  refuse_forbidden_socket(endpoint_);
  constexpr std::size_t descriptors = 5;  // and one to look up the name of a host
  look_for_resources(endpoint_, descriptors, 0);
  with_zmq_errors("connect to", endpoint_, [&] {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    configure(socket);
    ++attempts_;
    is_shaking_hands_ = false;
    auto monitor =
        std::make_unique<SocketMonitor>(context_, socket, "events-" + std::to_string(attempts_), watched_events);
    socket.connect(endpoint_);
    socket_ = std::move(socket);
    monitor_ = std::move(monitor);
  });
}

void Dealer::configure(zmq::socket_t& socket) {
  // The window and the credit bound what is under way; no high-water mark should drop or hold any of it.
  socket.set(zmq::sockopt::sndhwm, 0);
  constexpr int receive_queue = 64;
  socket.set(zmq::sockopt::rcvhwm, receive_queue);
  constexpr std::int64_t max_message_bytes = std::int64_t{2} << 20;  // more than a part and its header, by far
  socket.set(zmq::sockopt::maxmsgsize, max_message_bytes);
  socket.set(zmq::sockopt::reconnect_ivl, -1);
  socket.set(zmq::sockopt::linger, 0);
  if (is_tcp(endpoint_)) {
    // A name may have addresses of both kinds and the server listen on one: they are tried in turn.
    const bool is_ipv6 = endpoint_.find('[') != std::string::npos;
    socket.set(zmq::sockopt::ipv6, is_ipv6 || (!has_ipv4_address(endpoint_) && attempts_ % 2 == 1));
  }
  if (server_key_.empty()) return;
  socket.set(zmq::sockopt::curve_serverkey, server_key_);
  socket.set(zmq::sockopt::curve_publickey, keys_.public_key);
  socket.set(zmq::sockopt::curve_secretkey, keys_.secret_key);
}

void Dealer::close(std::chrono::milliseconds linger) noexcept {
  monitor_.reset();
  if (socket_) {
    constexpr std::chrono::milliseconds max_linger{std::numeric_limits<int>::max()};
    const auto linger_ms = static_cast<int>(std::min(linger, max_linger).count());
    (void)zmq_setsockopt(socket_->handle(), ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    socket_.reset();
  }
}

bool Dealer::try_send(const SharedMessage& message) {
  return with_zmq_errors("send to", endpoint_,
                         [&] { return socket_->send(make_frame(message), zmq::send_flags::dontwait).has_value(); });
}

bool Dealer::try_send(std::string_view message) {
  return with_zmq_errors("send to", endpoint_,
                         [&] { return socket_->send(zmq::buffer(message), zmq::send_flags::dontwait).has_value(); });
}

std::optional<zmq::message_t> Dealer::try_receive() {
  return with_zmq_errors("receive from", endpoint_, [&]() -> std::optional<zmq::message_t> {
    zmq::message_t frame;
    if (!socket_->recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
    if (frame.more()) {
      throw NetworkError(
          "cannot read a server's message: it has several frames; the other side does not speak "
          "accrete's protocol");
    }
    return frame;
  });
}

std::optional<Dealer::Event> Dealer::try_event() {
  return with_zmq_errors("watch the connection to", endpoint_, [&]() -> std::optional<Event> {
    while (const std::optional<SocketMonitor::Event> event = monitor_->try_take()) {
      switch (event->type) {
        case ZMQ_EVENT_CONNECTED:
          is_shaking_hands_ = true;
          break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
          is_shaking_hands_ = false;
          return Event::connected;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
          return Event::auth_failed;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        case ZMQ_EVENT_DISCONNECTED:
          return is_shaking_hands_ && is_tcp(endpoint_) ? Event::auth_unclear : Event::failed;
        case ZMQ_EVENT_CLOSED:
        case ZMQ_EVENT_CONNECT_RETRIED:
          return Event::failed;
        default:
          break;
      }
    }
    return std::nullopt;
  });
}

void Dealer::poll(int fd, std::optional<std::chrono::milliseconds> timeout) {
  std::vector<zmq::pollitem_t> items = {{nullptr, fd, ZMQ_POLLIN, 0}};
  if (socket_) items.push_back({socket_->handle(), 0, ZMQ_POLLIN, 0});
  if (monitor_) items.push_back({monitor_->handle(), 0, ZMQ_POLLIN, 0});
  try {
    zmq::poll(items, timeout.value_or(std::chrono::milliseconds{-1}));
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) throw NetworkError("cannot wait for " + accrete::quoted(endpoint_) + ": " + error.what());
  }
}

std::string Dealer::refusal_by_keys() const {
  if (server_key_.empty()) return "it asks for keys, and no server key was given (--server-key)";
  if (has_given_keys_) {
    return "it does not know this client's key " + keys_.public_key +
           ", or does not use CURVE; add the key to the list of those that it lets in";
  }
  return "it does not know this client's key, for none was given (--key), or it does not use CURVE";
}

}  // namespace accrete
