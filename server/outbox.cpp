#include "server/outbox.hpp"

#include <utility>

namespace accrete::server {
namespace {

/// Messages of one piece that may wait for a client that does not read.
constexpr std::size_t max_control = 1024;

constexpr std::chrono::seconds patience_with_strangers{5};

wire::ErrorReply describe_retryable(const std::exception_ptr& failure, std::string& text) {
  wire::ErrorReply error = wire::describe_error(failure, text);
  error.retryable = true;
  return error;
}

}  // namespace

void Outbox::enqueue(const ClientHandle& client) {
  if (client->gone || client->queued_for_sending) return;
  if (!client->has_output()) client->last_progress = Clock::now();
  client->queued_for_sending = true;
  queue_.push_back(client);
}

void Outbox::control(const ClientHandle& client, const wire::Reply& reply) {
  enqueue(client);
  std::string message;
  wire::encode_reply(reply, message);
  client->control.push_back(std::move(message));
}

void Outbox::acknowledge(const ClientHandle& client) {
  enqueue(client);
  client->ack_due = true;
}

void Outbox::welcome(const ClientHandle& client, std::uint64_t request, const wire::Welcome& welcome) {
  control(client, {.id = request, .body = welcome});
}

void Outbox::refuse(const ClientHandle& client, std::uint64_t sequence, const std::exception_ptr& failure, bool busy) {
  std::string text;
  wire::ErrorReply error = wire::describe_error(failure, text);
  error.retryable = error.retryable || busy;
  control(client, {.id = 0, .body = wire::Refused{.sequence = sequence, .error = error}});
}

void Outbox::fail(const ClientHandle& client, std::uint64_t request, const std::exception_ptr& failure, bool busy) {
  std::string text;
  wire::ErrorReply error = wire::describe_error(failure, text);
  error.retryable = error.retryable || busy;
  control(client, {.id = request, .body = wire::Failed{.error = error}});
}

void Outbox::fail_stranger(const Peer& peer, std::uint64_t request, const std::exception_ptr& failure) {
  std::string text;
  tell_stranger(peer, {.id = request, .body = wire::Failed{.error = wire::describe_error(failure, text)}});
}

void Outbox::reset(const ClientHandle& client, const std::exception_ptr& failure) {
  std::string text;
  control(client, {.id = 0, .body = wire::Reset{.error = describe_retryable(failure, text)}});
}

void Outbox::reset_stranger(const Peer& peer, std::uint64_t request, const std::exception_ptr& failure) {
  std::string text;
  tell_stranger(peer, {.id = request, .body = wire::Reset{.error = describe_retryable(failure, text)}});
}

void Outbox::tell_stranger(const Peer& peer, const wire::Reply& reply) {
  wire::encode_reply(reply, message_);
  if (router_.try_send(peer, message_) != SendResult::full) return;
  if (to_strangers_.size() == max_control) to_strangers_.pop_front();
  to_strangers_.push_back({.peer = peer, .message = message_, .until = Clock::now() + patience_with_strangers});
}

void Outbox::send_to_strangers() {
  if (to_strangers_.empty()) return;
  const Clock::time_point now = Clock::now();
  std::erase_if(to_strangers_, [&](const ToStranger& waiting) {
    return router_.try_send(waiting.peer, waiting.message) != SendResult::full || now >= waiting.until;
  });
}

void Outbox::reply(const ClientHandle& client, PendingReply reply) {
  enqueue(client);
  client->replies.push_back(std::move(reply));
}

void Outbox::give_credit(const ClientHandle& client, const wire::More& more) {
  for (PendingReply& reply : client->replies) {
    if (reply.request != more.request) continue;
    enqueue(client);
    client->last_progress = Clock::now();
    reply.credit += more.parts;
    return;
  }
}

std::vector<ClientHandle> Outbox::send_all() {
  send_to_strangers();
  std::vector<ClientHandle> dropped;
  std::vector<ClientHandle> blocked;
  for (const ClientHandle& client : std::exchange(queue_, {})) {
    client->queued_for_sending = false;
    if (client->gone) continue;
    const SendResult result = send_to(*client);
    if (result == SendResult::gone || client->control.size() > max_control) {
      dropped.push_back(client);
    } else if (result == SendResult::full) {
      client->queued_for_sending = true;
      blocked.push_back(client);
    }
  }
  queue_.insert(queue_.end(), blocked.begin(), blocked.end());
  return dropped;
}

// It is no progress: ZeroMQ takes some messages for a client that does not read.
bool Outbox::is_there(Client& client) {
  client.last_sent = Clock::now();
  wire::encode_reply({.id = 0, .body = wire::Ack{.applied = client.applied}}, message_);
  return router_.try_send(client.peer, message_) != SendResult::gone;
}

/// Takes down what has come of a message to the client.
SendResult Outbox::sent(Client& client, SendResult result) {
  if (result == SendResult::sent) client.last_progress = client.last_sent = Clock::now();
  return result;
}

SendResult Outbox::send_to(Client& client) {
  for (; !client.control.empty(); client.control.pop_front()) {
    const SendResult result = sent(client, router_.try_send(client.peer, client.control.front()));
    if (result != SendResult::sent) return result;
  }
  if (client.ack_due) {
    wire::encode_reply({.id = 0, .body = wire::Ack{.applied = client.applied}}, message_);
    const SendResult result = sent(client, router_.try_send(client.peer, message_));
    if (result != SendResult::sent) return result;
    client.ack_due = false;
  }
  for (auto reply = client.replies.begin(); reply != client.replies.end();) {
    const SendResult result = send_reply(client, *reply);
    if (result != SendResult::sent) return result;
    if (reply->next_part < reply->parts.size()) {
      ++reply;
      continue;
    }
    --client.requests;
    client.request_bytes -= reply->request_bytes;
    reply = client.replies.erase(reply);
  }
  return SendResult::sent;
}

/// Up to its credit.
SendResult Outbox::send_reply(Client& client, PendingReply& reply) {
  while (reply.next_part < std::min<std::uint64_t>(reply.credit, reply.parts.size())) {
    SharedMessage& part = reply.parts[reply.next_part];
    const SendResult result = sent(client, router_.try_send(client.peer, part));
    if (result != SendResult::sent) return result;
    part.reset();
    ++reply.next_part;
  }
  return SendResult::sent;
}

}  // namespace accrete::server
