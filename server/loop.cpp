#include "server/loop.hpp"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "base/escape.hpp"
#include "net/endpoint.hpp"
#include "os/system.hpp"
#include "server/log.hpp"

namespace accrete::server {
namespace {

using namespace std::chrono_literals;

constexpr Workers::Threads small_reader_threads{.count = 2};
constexpr Workers::Threads large_reader_threads{.count = 2, .give_way = true};
/// So much is received in one round at most, so that results and replies get their turn.
constexpr int max_received = 256;
constexpr std::uint64_t max_received_bytes = std::uint64_t{4} << 20;
/// A message is longer than the batch in it by its header.
constexpr std::uint64_t message_slack = 4096;

/// For who connects. Where descriptors run short it ends sooner.
constexpr auto hello_patience = 30s;

/// Memory of replies that have been sent, for the next.
constexpr std::size_t spare_message_bytes = std::size_t{8} << 20;

constexpr std::uint64_t default_max_message = std::uint64_t{64} << 20;

ServerOptions checked(ServerOptions options) {
  const std::uint64_t min_max_message = ClientOptions{}.batch_bytes;
  if (options.max_message_bytes == 0) {
    options.max_message_bytes = std::clamp(options.memory_bytes / 8, min_max_message, default_max_message);
  }
  if (options.max_message_bytes < min_max_message) {
    throw InvalidArgumentError("cannot serve with messages of at most " + std::to_string(options.max_message_bytes) +
                               " bytes: clients send batches of up to 1 MiB; allow more");
  }
  if (options.memory_bytes / 8 < options.max_message_bytes) {
    throw InvalidArgumentError("cannot serve with " + std::to_string(options.memory_bytes) +
                               " bytes of memory: that is less than eight messages of the largest size; allow more");
  }
  if (options.max_clients == 0) throw InvalidArgumentError("cannot serve no clients");
  // The others are for those who have not said hello, or are told that they are too many.
  const std::size_t max_clients = max_connections() / 8 * 7;
  if (options.max_clients > max_clients) {
    log::warning("serves at most {} clients, not {}: each takes a descriptor, of which it has too few (ulimit -n)",
                 max_clients, options.max_clients);
    options.max_clients = max_clients;
  }
  return options;
}

std::string text_of(const std::exception_ptr& failure) {
  std::string text;
  return std::string(wire::describe_error(failure, text).message);
}

bool is_change(const wire::Request& request) {
  return std::holds_alternative<wire::Erase>(request.body) || std::holds_alternative<wire::Drop>(request.body) ||
         std::holds_alternative<wire::Flush>(request.body) || std::holds_alternative<wire::Sync>(request.body);
}

/// Those that take little of the store's time: they do not wait for others that take much.
bool is_small(const wire::Request& request) {
  constexpr std::uint64_t small_range = std::uint64_t{256} << 10;
  if (const auto* get = std::get_if<wire::Get>(&request.body)) return get->keys.size() <= few_keys;
  if (const auto* locate = std::get_if<wire::Locate>(&request.body)) return locate->keys.size() <= few_keys;
  if (const auto* range = std::get_if<wire::GetRange>(&request.body)) return range->size <= small_range;
  return !std::holds_alternative<wire::List>(request.body) && !std::holds_alternative<wire::StatsRequest>(request.body);
}

}  // namespace

Server::Loop::Loop(BufferedStore& store, ServerOptions options)
    : store_(store),
      options_(checked(std::move(options))),
      window_(std::max(options_.memory_bytes / 16, options_.max_message_bytes)),
      router_({.max_message = options_.max_message_bytes + message_slack, .curve = options_.curve}),
      known_sessions_(store_.last_sequences_before(), store_.forgotten_before()),
      budget_(options_.memory_bytes / 4),
      reply_messages_(MessagePool::make(spare_message_bytes)) {
  description_.incarnation = random_uuid();
  description_.process = process_id();
  for (const std::string& endpoint : options_.endpoints) {
    const std::string bound = router_.bind(endpoint);
    const bool with_key = options_.curve && is_tcp(bound);
    description_.endpoints.push_back({.address = bound, .public_key = with_key ? options_.curve->keys.public_key : ""});
    log::info("listening at {}{}", escape(bound), with_key ? " with CURVE" : "");
  }
  large_readers_.emplace(store_, results_, budget_, *reply_messages_, large_reader_threads);
  small_readers_.emplace(store_, results_, budget_, *reply_messages_, small_reader_threads, &*large_readers_);
  changer_.emplace(store_, results_, budget_, *reply_messages_, Workers::Threads{});
  appender_.emplace(store_, results_);
}

void Server::Loop::stop() noexcept {
  ++stops_;
  results_.wake_up().signal();
}

void Server::Loop::run(StopSignals* signals) {
  constexpr auto max_goodbye = 5s;  // for clients that do not take what is sent to them
  std::optional<Clock::time_point> end;
  while (stops_ < 2) {
    wait(signals);
    take_results();
    receive();
    if (receiving_ && stops_ > 0 && !is_over_budget()) {
      receiving_ = false;
      log::info("stopping: {} bytes of appends and {} requests are to be finished", queued_bytes_, open_tasks_);
    }
    send();
    tick();
    if (receiving_ || !is_drained()) continue;
    if (!end) end = Clock::now() + max_goodbye;
    if (!outbox_.is_blocked() || Clock::now() >= *end) break;
  }
  appender_.reset();
  changer_.reset();
  small_readers_.reset();
  large_readers_.reset();
  constexpr auto linger = 2s;
  router_.close(stops_ < 2 ? linger : 200ms);
  if (stops_ < 2 || store_.durability() == Durability::memory) store_.flush();
  log::info("stopped");
}

void Server::Loop::wait(StopSignals* signals) {
  std::vector<int> fds = {results_.wake_up().fd()};
  if (signals) fds.push_back(signals->fd());
  const auto timeout = outbox_.is_blocked() ? 2ms : 1000ms;
  const bool listens = receiving_ && !is_over_budget();
  router_.poll(fds, timeout, listens ? Awaited::messages : Awaited::nothing);
  if (!signals) return;
  const StopSignals::Taken taken = signals->take();
  if (!taken.ignored.empty()) {
    log::info("ignored a signal ({}): SIGTERM and accrete stop end the server", taken.ignored);
  }
  if (taken.hangups > 0) reload_keys_after_hangup();
  stops_ += taken.stops;
  // What is acknowledged is in the journal: who asks again need not wait for the flush.
  if (taken.stops > 0 && store_.durability() != Durability::memory) signals->let_stops_through();
}

/// What goes wrong is in the log; nobody waits for an answer.
void Server::Loop::reload_keys_after_hangup() {
  try {
    reload_keys();
  } catch (const Error&) {
  }
}

KeyListChange Server::Loop::reload_keys() {
  if (!options_.read_allowed_clients) {
    throw UnsupportedError(
        "cannot read the allowed keys again: the server has no list of them; start it with --allow-client-keys");
  }
  try {
    const KeyListChange change = router_.allow_clients(options_.read_allowed_clients());
    log::info("read the allowed keys again: {} keys, {} new, {} removed", change.keys, change.added, change.removed);
    return change;
  } catch (const Error& error) {
    log::warning("goes on with the allowed keys that it has: {}", error.what());
    throw Error(std::string("cannot read the allowed keys again: ") + error.what() +
                "; the server goes on with those that it has");
  }
}

/// Then nothing is received, which holds all clients back, until the store has applied or answered some of it.
bool Server::Loop::is_over_budget() const noexcept { return queued_bytes_ + asking_bytes_ > options_.memory_bytes / 4; }

bool Server::Loop::is_drained() const noexcept { return queued_bytes_ == 0 && open_tasks_ == 0; }

void Server::Loop::take_results() {
  for (Result& result : results_.take_all()) {
    std::visit([this](auto& of_a_kind) { take(of_a_kind); }, result);
  }
}

void Server::Loop::receive() {
  std::uint64_t bytes = 0;
  for (int i = 0; i < max_received && bytes < max_received_bytes && receiving_ && !is_over_budget(); ++i) {
    std::optional<Received> received = router_.try_receive();
    if (!received) return;
    bytes += received->message.bytes().size();
    take_message(*std::move(received));
  }
}

void Server::Loop::send() {
  for (const ClientHandle& client : outbox_.send_all()) drop(client, "it has gone, or reads nothing");
}

void Server::Loop::tick() {
  const Clock::time_point now = Clock::now();
  if (now < next_tick_) return;
  next_tick_ = now + 1s;
  std::vector<ClientHandle> stalled;
  for (const auto& [peer, client] : clients_) {
    if (client->has_output() && now - client->last_progress > options_.stall_timeout) stalled.push_back(client);
  }
  for (const ClientHandle& client : stalled) drop(client, "it takes none of the replies that it has asked for");
  probe(2s);
  if (receiving_) end_silent_connections(hello_patience);
  tell_of_refusals();
}

void Server::Loop::tell_of_refusals() {
  refused_clients_.tell_left_out();
  refused_appends_.tell_left_out();
  const Router::Refusals refusals = router_.take_refusals();
  if (refusals.count > 0) {
    log::info("refused {} connections, the last of them since {}", refusals.count, refusals.last_reason);
  }
  const std::uint64_t ended = ended_connections() - ended_connections_;
  if (ended == 0) return;
  ended_connections_ += ended;
  log::warning("ended {} connections that said no hello in time, or when others needed their descriptors", ended);
}

void Server::Loop::probe(Clock::duration unheard_for) {
  const Clock::time_point now = Clock::now();
  std::vector<ClientHandle> gone;
  for (const auto& [peer, client] : clients_) {
    if (client->greeted && now - client->last_sent >= unheard_for && !outbox_.is_there(*client)) gone.push_back(client);
  }
  for (const ClientHandle& client : gone) drop(client, "its connection has ended");
}

ClientHandle Server::Loop::find(const Peer& peer) const {
  const auto at = clients_.find(peer);
  return at == clients_.end() ? nullptr : at->second;
}

bool Server::Loop::make_room() {
  if (clients_.size() >= options_.max_clients) probe(0s);
  return clients_.size() < options_.max_clients;
}

void Server::Loop::drop(const ClientHandle& client, std::string_view why) {
  if (client->gone) return;
  client->gone = true;
  client->connection.reset();
  client->replies.clear();
  client->control.clear();
  for (const WaitingRequest& waiting : client->waiting) asking_bytes_ -= waiting.task.held_bytes();
  client->waiting.clear();
  clients_.erase(client->peer);
  figures_.clients.set(clients_.size());
  if (client->greeted && client->queued_bytes == 0) leave_session(client);
  log::debug("client {} left: {}", client->number, why);
}

void Server::Loop::dispatch(RequestTask task) {
  ++open_tasks_;
  std::optional<Workers>& workers =
      is_change(task.request) ? changer_ : (is_small(task.request) ? small_readers_ : large_readers_);
  workers->push(std::move(task));
}

void Server::Loop::take(AppendResult& result) {
  Client& client = *result.client;
  client.queued_bytes -= result.bytes;
  queued_bytes_ -= result.held_bytes;
  count(result);
  if (result.outcome == AppendResult::Outcome::applied) {
    known_sessions_.set_applied({.writer = store_.session_writer(client.lane->session), .sequence = result.sequence});
  }
  if (client.gone && client.queued_bytes == 0) leave_session(result.client);
  if (client.gone || result.generation != client.generation) return;
  switch (result.outcome) {
    case AppendResult::Outcome::applied:
      client.applied = result.sequence;
      outbox_.acknowledge(result.client);
      break;
    case AppendResult::Outcome::refused:
      ++client.generation;
      client.expected = result.sequence;
      refused_appends_.warning("refused an append of client {}: {}", client.number, text_of(result.failure));
      outbox_.refuse(result.client, result.sequence, result.failure);
      break;
    case AppendResult::Outcome::passed_over:
      break;
  }
  release_waiting(client);
}

void Server::Loop::count(const AppendResult& result) noexcept {
  figures_.queued_bytes.subtract(result.bytes);
  if (result.outcome == AppendResult::Outcome::refused) figures_.refused_batches.add(1);
  if (result.outcome != AppendResult::Outcome::applied) return;
  figures_.batches.add(1);
  figures_.batch_bytes.add(result.bytes);
}

void Server::Loop::leave_session(const ClientHandle& client) {
  const auto at = sessions_.find(client->lane->session);
  if (at == sessions_.end() || at->second != client) return;
  sessions_.erase(at);
  known_sessions_.leave(store_.session_writer(client->lane->session));
}

/// After a refusal, the appends that a request waits for are those before the refused one.
void Server::Loop::release_waiting(Client& client) {
  const std::uint64_t last_append = client.expected - 1;
  while (!client.waiting.empty() && client.applied >= std::min(client.waiting.front().after, last_append)) {
    dispatch(std::move(client.waiting.front().task));
    client.waiting.pop_front();
  }
}

void Server::Loop::take(const Greeting& greeting) {
  --open_tasks_;
  greet(greeting.client, greeting.request);
}

void Server::Loop::take(const Farewell& farewell) { known_sessions_.end(store_.session_writer(farewell.session)); }

void Server::Loop::greet(const ClientHandle& client, std::uint64_t request) {
  client->greeted = true;
  if (client->gone) {
    leave_session(client);
    return;
  }
  client->applied = known_sessions_.applied(store_.session_writer(client->lane->session));
  client->expected = client->applied + 1;
  client->lane->begins_anew = client->applied == 0 && client->told_forgotten != known_sessions_.forgotten();
  outbox_.welcome(client, request,
                  {.incarnation = description_.incarnation,
                   .durability = store_.durability(),
                   .window = client->window,
                   .max_message = options_.max_message_bytes,
                   .applied = client->applied,
                   .forgotten = known_sessions_.forgotten()});
}

void Server::Loop::take(Answer& answer) {
  --open_tasks_;
  asking_bytes_ -= answer.held_bytes;
  const ClientHandle& client = answer.client;
  if (client->gone) return;
  figures_.answers.add(1);
  if (answer.failure) {
    --client->requests;
    client->request_bytes -= answer.request_bytes;
    outbox_.fail(client, answer.request, answer.failure, answer.busy);
    return;
  }
  outbox_.reply(client, {.request = answer.request,
                         .request_bytes = answer.request_bytes,
                         .parts = std::move(answer.parts),
                         .share = std::move(answer.share)});
}

}  // namespace accrete::server
