// What the main loop does with the messages of clients and of strangers.
#include <algorithm>
#include <exception>
#include <utility>
#include <variant>

#include "dataset/marker.hpp"
#include "net/endpoint.hpp"
#include "net/part_encoder.hpp"
#include "os/system.hpp"
#include "os/uuid.hpp"
#include "server/log.hpp"
#include "server/loop.hpp"

namespace accrete::server {
namespace {

using namespace std::chrono_literals;

template <typename T>
std::exception_ptr failure(const std::string& message) {
  return std::make_exception_ptr(T(message));
}

}  // namespace

void Server::Loop::take_message(Received received) {
  if (received.malformed) {
    take_malformed(received.from, std::nullopt,
                   failure<NetworkError>("cannot read a message: it has another number of frames than one"));
    return;
  }
  wire::Request request;
  try {
    request = wire::decode_request(received.message.bytes());
  } catch (const Error&) {
    take_malformed(received.from, wire::request_id_of(received.message.bytes()), std::current_exception());
    return;
  }
  if (const auto* hello = std::get_if<wire::Hello>(&request.body)) {
    take_hello(received.from, received.message.descriptor(), request.id, *hello);
    return;
  }
  const ClientHandle client = find(received.from);
  if (client && client->greeted) {
    take_request(client, std::move(request), std::move(received.message));
    return;
  }
  const auto stranger = failure<NetworkError>("cannot answer a client that has not said hello: say hello first");
  outbox_.reset_stranger(received.from, request.id, stranger);
}

void Server::Loop::take_malformed(const Peer& peer, std::optional<std::uint64_t> request,
                                  const std::exception_ptr& failure) {
  const ClientHandle client = find(peer);
  if (client) {
    request ? outbox_.fail(client, *request, failure, false) : outbox_.reset(client, failure);
  } else {
    request ? outbox_.fail_stranger(peer, *request, failure) : outbox_.reset_stranger(peer, 0, failure);
  }
  const Clock::time_point now = Clock::now();
  if (client) ++client->malformed;
  Clock::time_point& next_complaint = client ? client->next_complaint : next_complaint_;
  if (now < next_complaint) return;
  next_complaint = now + 1s;
  std::string text;
  const std::string_view why = wire::describe_error(failure, text).message;
  if (client) {
    log::warning("client {} sent {} malformed messages so far, this one: {}", client->number, client->malformed, why);
  } else {
    log::warning("a stranger at endpoint {} sent a malformed message: {}", peer.endpoint + 1, why);
  }
}

void Server::Loop::take_hello(const Peer& peer, int descriptor, std::uint64_t request, const wire::Hello& hello) {
  if (const ClientHandle before = find(peer)) drop(before, "it says hello again");
  if (!make_room()) {
    figures_.refused_clients.add(1);
    refused_clients_.warning("refused a client: there are {} already", clients_.size());
    outbox_.fail_stranger(
        peer, request,
        failure<NetworkError>("cannot take one more client: the server has " + std::to_string(clients_.size()) +
                              ", its most; try again later, or start it with --max-clients"));
    return;
  }
  auto client = std::make_shared<Client>(peer, ++last_number_, hello);
  client->connection.emplace(descriptor);
  client->window = std::max(std::min(hello.window, window_), options_.max_message_bytes);
  clients_.emplace(peer, client);
  figures_.clients.set(clients_.size());
  log::debug("client {} connected at endpoint {}, session {}", client->number, peer.endpoint + 1,
             format_uuid(hello.session));
  known_sessions_.arrive(store_.session_writer(hello.session));
  ClientHandle& latest = sessions_[hello.session];
  const ClientHandle before = std::exchange(latest, client);
  const bool has_tasks = before && (before->queued_bytes > 0 || !before->greeted);
  if (before) {
    before->lane->abandoned = true;
    drop(before, "its session goes on over another connection");
  }
  if (has_tasks) {
    // What is being applied of the session now must be counted in the answer.
    ++open_tasks_;
    appender_->push({.client = client, .lane = client->lane, .action = hello, .request = request});
  } else {
    greet(client, request);
  }
}

void Server::Loop::take_request(const ClientHandle& client, wire::Request request, MessageBytes message) {
  if (auto* append = std::get_if<wire::Append>(&request.body)) {
    take_append(client, std::move(*append), std::move(message));
  } else if (const auto* more = std::get_if<wire::More>(&request.body)) {
    outbox_.give_credit(client, *more);
  } else if (auto* bye = std::get_if<wire::Bye>(&request.body)) {
    take_bye(client, std::move(*bye));
  } else {
    take_question(client, std::move(request), std::move(message));
  }
}

void Server::Loop::take_append(const ClientHandle& client, wire::Append append, MessageBytes message) {
  const std::uint64_t sequence = append.sequence;
  if (sequence <= client->applied) {
    outbox_.acknowledge(client);
    return;
  }
  if (sequence != client->expected) return;
  const std::uint64_t bytes = message.bytes().size();
  if (client->queued_bytes > 0 && client->queued_bytes + bytes > 2 * client->window) {
    refused_appends_.warning("refused an append of client {}: it has sent twice its window", client->number);
    figures_.refused_batches.add(1);
    outbox_.refuse(client, sequence,
                   failure<NetworkError>("cannot append: more than twice the window of " +
                                         std::to_string(client->window) + " bytes is not acknowledged yet"),
                   true);
    return;
  }
  if (append.options.expect_size && append.entries.size() != 1) {
    figures_.refused_batches.add(1);
    outbox_.refuse(client, sequence,
                   failure<InvalidArgumentError>("expect_size needs a batch of one entry; this one has " +
                                                 std::to_string(append.entries.size())));
    return;
  }
  ++client->expected;
  client->queued_bytes += bytes;
  AppendTask task{.client = client,
                  .lane = client->lane,
                  .generation = client->generation,
                  .message = std::move(message),
                  .action = std::move(append)};
  queued_bytes_ += task.held_bytes();
  figures_.queued_bytes.add(bytes);
  appender_->push(std::move(task));
}

void Server::Loop::take_question(const ClientHandle& client, wire::Request request, MessageBytes message) {
  const std::uint64_t bytes = message.bytes().size();
  if (!client->may_ask(bytes)) {
    outbox_.fail(client, request.id,
                 failure<NetworkError>("cannot answer so many requests of one client at once; wait for replies"), true);
    return;
  }
  if (std::holds_alternative<wire::Ping>(request.body)) return answer_at_once(client, request.id, bytes, {});
  if (std::holds_alternative<wire::ServerStatsRequest>(request.body)) {
    return answer_at_once(client, request.id, bytes, wire::encode_server_stats(figures_.stats()));
  }
  if (std::holds_alternative<wire::ReloadKeys>(request.body)) return take_reload(client, request.id, bytes);
  ++client->requests;
  client->request_bytes += bytes;
  RequestTask task{.client = client, .message = std::move(message), .request = std::move(request)};
  asking_bytes_ += task.held_bytes();
  const std::uint64_t last_append = client->expected - 1;
  if (client->applied < last_append) {
    client->waiting.push_back({.after = last_append, .task = std::move(task)});
    return;
  }
  dispatch(std::move(task));
}

void Server::Loop::take_reload(const ClientHandle& client, std::uint64_t request, std::uint64_t bytes) {
  figures_.answers.add(1);
  try {
    if (is_tcp(description_.endpoints[client->peer.endpoint].address)) {
      throw UnsupportedError("cannot read the allowed keys again for a client on TCP; ask on the server's host");
    }
    answer_at_once(client, request, bytes, wire::encode_key_list_change(reload_keys()));
  } catch (const Error&) {
    outbox_.fail(client, request, std::current_exception(), false);
  }
}

void Server::Loop::answer_at_once(const ClientHandle& client, std::uint64_t request, std::uint64_t bytes,
                                  std::string_view result) {
  ++client->requests;
  client->request_bytes += bytes;
  outbox_.reply(
      client,
      {.request = request, .request_bytes = bytes, .parts = wire::encode_parts(request, result, *reply_messages_)});
}

void Server::Loop::take_bye(const ClientHandle& client, wire::Bye bye) {
  appender_->push({.client = client, .lane = client->lane, .action = std::move(bye)});
  drop(client, "it says goodbye");
}

}  // namespace accrete::server
