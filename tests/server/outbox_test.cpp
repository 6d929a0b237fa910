// The outbox against lists of what waits for each client, with a router that gives a peer as much as it reads.
#include "server/outbox.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <doctest/doctest.h>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "support/commands.hpp"
#include "support/require.hpp"

namespace accrete {
namespace test {
namespace {

/// Of a peer.
struct Mailbox {
  std::size_t room = 0;  // messages that it takes before it is full
  bool is_gone = false;
  std::vector<std::string> received{};

  SendResult take(std::string_view bytes) {
    if (is_gone) return SendResult::gone;
    if (room == 0) return SendResult::full;
    --room;
    received.emplace_back(bytes);
    return SendResult::sent;
  }
};

std::map<std::string, Mailbox> mailboxes;  // by the peers' identities

}  // namespace
}  // namespace test

// Stands for the one over ZeroMQ: how much that takes for a peer depends on the system.
class Router::Impl {};
struct MessageBytes::Message {};
Router::Router(RouterOptions) {}
Router::~Router() = default;
SendResult Router::try_send(const Peer& to, std::string_view bytes) {
  return test::mailboxes.at(to.identity).take(bytes);
}
SendResult Router::try_send(const Peer& to, const SharedMessage& message) { return try_send(to, *message); }
MessageBytes::MessageBytes() noexcept = default;
MessageBytes::MessageBytes(MessageBytes&&) noexcept = default;
MessageBytes& MessageBytes::operator=(MessageBytes&&) noexcept = default;
MessageBytes::~MessageBytes() = default;

namespace test {
namespace {

using server::Client;
using server::ClientHandle;

constexpr std::size_t client_count = 2;
constexpr std::size_t max_control = 1024;
constexpr std::string_view part_mark = "part ";

std::string text_of(std::string_view message) {
  if (message.starts_with(part_mark)) return std::string(message);
  const wire::Reply reply = wire::decode_reply(message);
  const auto error_text = [](const wire::ErrorReply& error) { return error.retryable ? " for now" : " for good"; };
  if (const auto* ack = std::get_if<wire::Ack>(&reply.body)) return "applied " + std::to_string(ack->applied);
  if (const auto* refused = std::get_if<wire::Refused>(&reply.body))
    return "refused " + std::to_string(refused->sequence) + error_text(refused->error);
  if (const auto* failed = std::get_if<wire::Failed>(&reply.body))
    return "failed " + std::to_string(reply.id) + error_text(failed->error);
  if (const auto* reset = std::get_if<wire::Reset>(&reply.body)) return std::string("reset") + error_text(reset->error);
  return "welcome " + std::to_string(reply.id);
}

class OutboxAndLists {
 public:
  OutboxAndLists() {
    mailboxes.clear();
    mailboxes[stranger];
    for (std::size_t i = 0; i < client_count; ++i) begin(i);
  }

  void acknowledge(std::size_t at) {
    clients_[at]->applied = lists_[at].applied = ++next_;
    outbox_.acknowledge(clients_[at]);
    lists_[at].is_ack_due = true;
    lists_[at].is_queued = true;
  }

  void welcome(std::size_t at) {
    outbox_.welcome(clients_[at], ++next_, {});
    expect(at, "welcome " + std::to_string(next_));
  }

  void refuse(std::size_t at, bool is_busy) {
    outbox_.refuse(clients_[at], ++next_, failure, is_busy);
    expect(at, "refused " + std::to_string(next_) + (is_busy ? " for now" : " for good"));
  }

  void fail(std::size_t at, bool is_busy, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      outbox_.fail(clients_[at], ++next_, failure, is_busy);
      expect(at, "failed " + std::to_string(next_) + (is_busy ? " for now" : " for good"));
    }
  }

  void reset(std::size_t at) {
    outbox_.reset(clients_[at], failure);
    expect(at, "reset for now");
  }

  void reply(std::size_t at, std::uint64_t parts) {
    Answer answer{.request = ++next_};
    server::PendingReply pending{.request = next_, .request_bytes = request_size};
    for (std::uint64_t i = 0; i < parts; ++i) {
      answer.parts.push_back(std::string(part_mark) + std::to_string(next_) + "/" + std::to_string(i));
      pending.parts.push_back(std::make_shared<const std::string>(answer.parts.back()));
    }
    ++clients_[at]->requests;
    clients_[at]->request_bytes += request_size;
    outbox_.reply(clients_[at], std::move(pending));
    lists_[at].answers.push_back(std::move(answer));
    lists_[at].is_queued = true;
  }

  void give_credit(std::size_t at, std::size_t place, std::uint32_t parts) {
    List& list = lists_[at];
    const std::uint64_t request = place < list.answers.size() ? list.answers[place].request : 0;
    outbox_.give_credit(clients_[at], {.request = request, .parts = parts});
    if (request == 0) return;
    list.answers[place].credit += parts;
    list.is_queued = true;
  }

  void tell_stranger(bool is_reset) {
    ++next_;
    if (is_reset) {
      outbox_.reset_stranger({.identity = stranger}, next_, failure);
    } else {
      outbox_.fail_stranger({.identity = stranger}, next_, failure);
    }
    const std::string text = is_reset ? "reset for now" : "failed " + std::to_string(next_) + " for good";
    if (try_receive(stranger_list_, text)) return;
    stranger_list_.control.push_back(text);
  }

  void read(std::size_t at, std::size_t count) {
    mailboxes[lists_[at].identity].room += count;
    lists_[at].room += count;
  }

  void stranger_reads(std::size_t count) {
    mailboxes[stranger].room += count;
    stranger_list_.room += count;
  }

  void vanish(std::size_t at) {
    mailboxes[lists_[at].identity].is_gone = true;
    lists_[at].is_gone = true;
  }

  void ask(std::size_t at) {
    require(outbox_.is_there(*clients_[at]) == !lists_[at].is_gone, "it is known whether a client is there");
    if (!lists_[at].is_gone) (void)try_receive(lists_[at], lists_[at].applied_text());
  }

  void replace(std::size_t at) {
    clients_[at]->gone = true;
    begin(at);
  }

  void send_all() {
    const std::vector<ClientHandle> dropped = outbox_.send_all();
    while (!stranger_list_.control.empty() && try_receive(stranger_list_, stranger_list_.control.front())) {
      stranger_list_.control.pop_front();
    }
    bool is_blocked = !stranger_list_.control.empty();
    std::set<ClientHandle> expected;
    for (std::size_t i = 0; i < client_count; ++i) {
      if (!std::exchange(lists_[i].is_queued, false)) continue;
      const SendResult result = send(lists_[i]);
      if (result == SendResult::gone || lists_[i].control.size() > max_control) {
        expected.insert(clients_[i]);
      } else if (result == SendResult::full) {
        lists_[i].is_queued = is_blocked = true;
      }
    }
    require(std::set(dropped.begin(), dropped.end()) == expected, "who is gone, or lets too much gather, is dropped");
    require(dropped.size() == expected.size(), "a client is dropped once");
    require(outbox_.is_blocked() == is_blocked, "it is blocked while something could be sent if it were read");
    check();
    for (std::size_t i = 0; i < client_count; ++i) {
      if (expected.contains(clients_[i])) replace(i);
    }
  }

  void check() const {
    check_received(stranger_list_);
    for (std::size_t i = 0; i < client_count; ++i) {
      const List& list = lists_[i];
      check_received(list);
      const bool has_output = list.is_ack_due || !list.control.empty() || !list.answers.empty();
      require(clients_[i]->has_output() == has_output, "what waits for a client is known");
      require(clients_[i]->requests == list.answers.size(), "requests are counted until their replies are sent whole");
      require(clients_[i]->request_bytes == list.answers.size() * request_size, "and so are their bytes");
    }
  }

 private:
  struct Answer {
    std::uint64_t request = 0;
    std::deque<std::string> parts{};  // that are not sent
    std::uint64_t credit = wire::first_parts;
  };

  /// What a client is to get, and what it has got.
  struct List {
    std::string identity{};
    std::deque<std::string> control{};
    bool is_ack_due = false;
    std::uint64_t applied = 0;
    std::deque<Answer> answers{};
    bool is_queued = false;  // something has come since, or could not be sent
    std::size_t room = 0;
    bool is_gone = false;
    std::vector<std::string> received{};

    [[nodiscard]] std::string applied_text() const { return "applied " + std::to_string(applied); }
  };

  static constexpr std::uint64_t request_size = 10;
  inline static const std::string stranger = "stranger";
  inline static const std::exception_ptr failure = std::make_exception_ptr(CorruptionError("damaged"));

  void begin(std::size_t at) {
    const std::string identity = std::to_string(++next_);
    mailboxes[identity];
    clients_[at] = std::make_shared<Client>(Peer{.identity = identity}, next_, wire::Hello{});
    lists_[at] = {.identity = identity};
  }

  void expect(std::size_t at, std::string text) {
    lists_[at].control.push_back(std::move(text));
    lists_[at].is_queued = true;
  }

  static bool try_receive(List& list, const std::string& text) {
    if (list.is_gone || list.room == 0) return false;
    --list.room;
    list.received.push_back(text);
    return true;
  }

  /// Messages of one piece, the last acknowledgement, and of each reply what its credit allows.
  static SendResult send(List& list) {
    const SendResult unsent = list.is_gone ? SendResult::gone : SendResult::full;
    for (; !list.control.empty(); list.control.pop_front()) {
      if (!try_receive(list, list.control.front())) return unsent;
    }
    if (list.is_ack_due && !try_receive(list, list.applied_text())) return unsent;
    list.is_ack_due = false;
    for (std::size_t i = 0; i < list.answers.size();) {
      Answer& answer = list.answers[i];
      for (; !answer.parts.empty() && answer.credit > 0; answer.parts.pop_front(), --answer.credit) {
        if (!try_receive(list, answer.parts.front())) return unsent;
      }
      if (answer.parts.empty()) {
        list.answers.erase(list.answers.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
    return SendResult::sent;
  }

  static void check_received(const List& list) {
    std::vector<std::string> texts;
    const std::string& identity = list.identity.empty() ? stranger : list.identity;
    for (const std::string& message : mailboxes.at(identity).received) texts.push_back(text_of(message));
    require(texts == list.received, "a client gets all that it has room and credit for, in its order");
  }

  Router router_;
  server::Outbox outbox_{router_};
  std::array<ClientHandle, client_count> clients_;
  std::array<List, client_count> lists_;
  List stranger_list_;
  std::uint64_t next_ = 0;
};

TEST_CASE("each client gets what is for it in its order, as it reads and gives credit, whatever others do") {
  using Pair = OutboxAndLists;
  const Argument clients = Argument::below(client_count);
  const Argument counts = Argument::one_of({20, 1, 2, 5});
  std::vector<Command<Pair>> commands = {
      command("reply", &Pair::reply, clients, Argument::one_of({1, 9, 20, 0, 8})),
      command("give_credit", &Pair::give_credit, clients, Argument::below(3), counts),
      command("read", &Pair::read, clients, counts),
      command("send_all", &Pair::send_all),
  };
  CHECK(counterexample(commands) == "");
  const std::vector<Command<Pair>> others = {
      command("acknowledge", &Pair::acknowledge, clients),
      command("welcome", &Pair::welcome, clients),
      command("refuse", &Pair::refuse, clients, Argument::below(2)),
      command("fail", &Pair::fail, clients, Argument::below(2), Argument::one_of({1, 1, 1, 1, max_control})),
      command("reset", &Pair::reset, clients),
      command("tell_stranger", &Pair::tell_stranger, Argument::below(2)),
      command("stranger_reads", &Pair::stranger_reads, counts),
      command("vanish", &Pair::vanish, clients),
      command("ask", &Pair::ask, clients),
      command("replace", &Pair::replace, clients),
      command("send_all", &Pair::send_all),
  };
  commands.insert(commands.end(), others.begin(), others.end());
  CHECK(counterexample(commands, {.sequences = 200}) == "");
}

}  // namespace
}  // namespace test
}  // namespace accrete
