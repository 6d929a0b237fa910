#include "net/fake_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "os/system.hpp"

namespace accrete::test {

FakeServer::FakeServer(std::string endpoint, FakeDisk& disk, FakeServerOptions options)
    : disk_(disk),
      options_(std::move(options)),
      incarnation_(random_uuid()),
      router_({.max_message = options_.max_message, .receive_queue = 0, .send_queue = 0, .curve = options_.curve}),
      endpoint_(router_.bind(endpoint)),
      thread_([this] { run(); }) {}

FakeServer::~FakeServer() {
  stop_ = true;
  wake_up_.signal();
  thread_.join();
  router_.close({});
}

void FakeServer::run() {
  const std::array fds = {wake_up_.fd()};
  while (!stop_) {
    router_.poll(fds, std::chrono::hours{1});
    while (const std::optional<Received> received = router_.try_receive()) take(*received);
  }
}

void FakeServer::take(const Received& received) {
  if (misbehaviour.says_nothing) ++unanswered;
  if (received.malformed || misbehaviour.says_nothing) return;
  const wire::Request request = wire::decode_request(received.message.bytes());
  const Peer& from = received.from;
  const int connection = connections_.try_emplace(from, static_cast<int>(connections_.size()) + 1).first->second;
  if (connection <= misbehaviour.ignored_connections) return;
  if (const auto* hello = std::get_if<wire::Hello>(&request.body)) {
    ++greetings;
    sessions_[from] = hello->session;
    send(from, {.id = request.id,
                .body = wire::Welcome{.incarnation = incarnation_,
                                      .durability = options_.durability,
                                      .window = options_.window,
                                      .max_message = options_.max_message,
                                      .applied = disk_.applied[hello->session],
                                      .forgotten = disk_.forgotten}});
    return;
  }
  if (misbehaviour.sends_garbage) {
    (void)router_.try_send(from, "this is no message");
    return;
  }
  if (const auto* append = std::get_if<wire::Append>(&request.body)) {
    append_bytes += received.message.bytes().size();
    return take_append(from, *append);
  }
  if (std::holds_alternative<wire::Ping>(request.body)) ++pings;
  if (const auto* bye = std::get_if<wire::Bye>(&request.body)) {
    sessions_.erase(from);
    writers_ended += bye->writers.size();
    ++goodbyes;
    return;
  }
  if (const auto* more = std::get_if<wire::More>(&request.body)) {
    const auto at = pending_.find({from, more->request});
    if (at == pending_.end()) return;
    at->second.credit += more->parts;
    return send_parts(from, more->request);
  }
  try {
    std::string result = result_of(request);
    if (misbehaviour.answers_to_lose > 0) {
      --misbehaviour.answers_to_lose;
      return;
    }
    pending_[{from, request.id}] = {.bytes = std::move(result)};
    send_parts(from, request.id);
  } catch (const Error&) {
    std::string text;
    send(from, {.id = request.id, .body = wire::Failed{.error = wire::describe_error(std::current_exception(), text)}});
  }
}

void FakeServer::take_append(const Peer& from, const wire::Append& append) {
  ++appends;
  if (is_reset(from)) return;
  std::uint64_t& last = disk_.applied[sessions_.at(from)];
  if (append.sequence > last + 1) return;
  if (append.sequence == last + 1) {
    try {
      if (misbehaviour.is_damaged) throw CorruptionError("cannot append: the dataset is damaged");
      if (misbehaviour.is_full) throw DiskFullError("append to", "the disk", ENOSPC);
      disk_.store->append_batch(append.entries, append.options);
    } catch (const Error&) {
      std::string text;
      const wire::ErrorReply error = wire::describe_error(std::current_exception(), text);
      ++refusals;
      send(from, {.body = wire::Refused{.sequence = append.sequence, .error = error}});
      return;
    }
    ++last;
    ++applied;
  }
  send_ack(from, last);
}

void FakeServer::send_ack(const Peer& to, std::uint64_t last) {
  if (misbehaviour.acks_to_lose > 0) {
    --misbehaviour.acks_to_lose;
    return;
  }
  send(to, {.body = wire::Ack{.applied = last}});
  if (!misbehaviour.sends_old_acks) return;
  send(to, {.body = wire::Ack{.applied = last}});
  send(to, {.body = wire::Ack{.applied = last / 2}});
}

bool FakeServer::is_reset(const Peer& from) {
  if (misbehaviour.resets == 0) return false;
  --misbehaviour.resets;
  send(from, {.body = wire::Reset{.error = {.type = 13, .retryable = true, .message = "say hello first"}}});
  return true;
}

wire::KeyPage FakeServer::page_of(ListOptions options) {
  const bool is_cut = options.limit.value_or(options_.keys_a_page + 1) > options_.keys_a_page;
  if (is_cut) options.limit = options_.keys_a_page;
  if (misbehaviour.repeats_page) options.after.reset();
  wire::KeyPage page{.keys = disk_.store->list(options)};
  page.more = is_cut && page.keys.size() == options_.keys_a_page;
  return page;
}

std::string FakeServer::result_of(const wire::Request& request) {
  Store& store = *disk_.store;
  if (const auto* get = std::get_if<wire::Get>(&request.body)) {
    std::string bytes = wire::encode_values(store.get_batch(get->keys));
    constexpr std::size_t highest_byte_of_size = 4 + 7;
    if (misbehaviour.lies_about_size) bytes[highest_byte_of_size] = 1;
    return bytes;
  }
  if (const auto* range = std::get_if<wire::GetRange>(&request.body)) {
    return store.get_range(range->key, range->offset, range->size);
  }
  if (const auto* size = std::get_if<wire::Size>(&request.body)) return wire::encode_size(store.size(size->key));
  if (const auto* list = std::get_if<wire::List>(&request.body)) return wire::encode_list(page_of(list->options));
  if (const auto* erase = std::get_if<wire::Erase>(&request.body)) store.erase(erase->key);
  if (std::holds_alternative<wire::Drop>(request.body)) store.drop();
  if (std::holds_alternative<wire::StatsRequest>(request.body)) return wire::encode_stats(store.stats());
  if (const auto* attribute = std::get_if<wire::GetAttribute>(&request.body)) {
    return wire::encode_attribute(store.attribute(attribute->name));
  }
  if (std::holds_alternative<wire::ListAttributes>(request.body)) return wire::encode_values(store.attributes());
  if (const auto* set = std::get_if<wire::SetAttribute>(&request.body)) {
    return wire::encode_flag(store.set_attribute(set->name, set->value, set->options));
  }
  if (std::holds_alternative<wire::Removals>(request.body)) return wire::encode_number(store.removals());
  if (const auto* last = std::get_if<wire::LastSequence>(&request.body)) {
    return wire::encode_size(store.last_sequence(last->writer));
  }
  return {};
}

void FakeServer::send(const Peer& to, const wire::Reply& reply) {
  std::string message;
  wire::encode_reply(reply, message);
  (void)router_.try_send(to, message);
}

void FakeServer::send_parts(const Peer& to, std::uint64_t request) {
  const auto at = pending_.find({to, request});
  Pending& pending = at->second;
  bool is_last = false;
  while (!is_last && (pending.next < pending.credit || misbehaviour.ignores_credit)) {
    const std::size_t begin = pending.next * options_.part_bytes;
    const std::string_view bytes = std::string_view(pending.bytes).substr(begin, options_.part_bytes);
    is_last = begin + bytes.size() == pending.bytes.size();
    send(to, {.id = request, .body = wire::Part{.index = pending.next, .last = is_last, .bytes = bytes}});
    ++pending.next;
  }
  if (is_last) pending_.erase(at);
}

}  // namespace accrete::test
