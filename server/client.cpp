#include "server/client.hpp"

#include <utility>

namespace accrete::server {

Client::Client(Peer from, std::uint64_t its_number, const wire::Hello& hello)
    : peer(std::move(from)),
      number(its_number),
      window(hello.window),
      told_forgotten(hello.forgotten),
      lane(std::make_shared<Lane>()) {
  lane->session = hello.session;
}

bool Client::can_send() const noexcept {
  const auto has_credit = [](const PendingReply& reply) { return reply.next_part < reply.credit; };
  return ack_due || !control.empty() || std::any_of(replies.begin(), replies.end(), has_credit);
}

bool Client::may_ask(std::uint64_t bytes) const noexcept {
  constexpr std::size_t max_requests = 1024;
  return requests < max_requests && bytes <= window - std::min(window, request_bytes);
}

}  // namespace accrete::server
