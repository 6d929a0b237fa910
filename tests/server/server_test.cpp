// The server and the client library in one process, over a store that can be held up and made to refuse.
#include "server/server.hpp"

#include <algorithm>
#include <condition_variable>
#include <doctest/doctest.h>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/client.hpp"
#include "net/curve.hpp"
#include "net/dealer.hpp"
#include "net/protocol.hpp"
#include "os/system.hpp"
#include "os/wake_up.hpp"
#include "support/memory_buffered_store.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

using namespace std::chrono_literals;

/// Holds up appends and lists while it is closed.
class GatedStore final : public MemoryBufferedStore {
 public:
  void append_batches(std::span<SubmittedBatch> batches) override {
    std::unique_lock lock(mutex_);
    ++arrivals_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    for (const SubmittedBatch& batch : batches) keys_.emplace_back(batch.entries.front().key);
    const bool hides_outcome = hides_outcome_;
    lock.unlock();
    MemoryBufferedStore::append_batches(batches);
    if (!hides_outcome) return;
    for (SubmittedBatch& batch : batches) batch.failure = std::make_exception_ptr(UnknownOutcomeError("hidden"));
  }

  /// What is applied is said to be of unknown outcome.
  void set_hides_outcome(bool hides) {
    const std::lock_guard lock(mutex_);
    hides_outcome_ = hides;
  }

  void set_open(bool open) {
    {
      const std::lock_guard lock(mutex_);
      open_ = open;
    }
    changed_.notify_all();
  }

  void wait_for_arrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrivals_ > 0; });
  }

  void wait_for_lists(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return lists_ >= count; });
  }

  /// The first of each batch, in the order in which they were appended.
  [[nodiscard]] std::vector<std::string> first_keys() {
    const std::lock_guard lock(mutex_);
    return keys_;
  }

 private:
  std::vector<KeySize> do_list(const ListOptions& options) const override {
    {
      std::unique_lock lock(mutex_);
      ++lists_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return open_; });
    }
    return MemoryBufferedStore::do_list(options);
  }

  mutable std::mutex mutex_;  // guards all below
  mutable std::condition_variable changed_;
  bool open_ = true;
  bool hides_outcome_ = false;
  int arrivals_ = 0;
  mutable int lists_ = 0;
  std::vector<std::string> keys_;
};

class RunningServer {
 public:
  /// `its_store` may be that of a server which has ended.
  explicit RunningServer(server::ServerOptions options = {},
                         std::shared_ptr<GatedStore> its_store = std::make_shared<GatedStore>())
      : store_(std::move(its_store)), server_(*store_, with_endpoint(std::move(options))) {
    thread_ = std::thread([this] { server_.run(); });
  }
  ~RunningServer() {
    store_->set_open(true);  // a test that fails while it is closed must come to an end
    end();
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  [[nodiscard]] std::string endpoint() const { return server_.description().endpoints[0].address; }

  void stop() { server_.stop(); }
  [[nodiscard]] ServerStats stats() const { return server_.stats(); }
  void end() {
    if (!thread_.joinable()) return;
    stop();
    thread_.join();
  }

  [[nodiscard]] GatedStore& store() noexcept { return *store_; }
  [[nodiscard]] std::shared_ptr<GatedStore> shared_store() const noexcept { return store_; }

 private:
  static server::ServerOptions with_endpoint(server::ServerOptions options) {
    if (options.endpoints.empty()) options.endpoints = {"tcp://127.0.0.1:*"};
    options.memory_bytes = std::uint64_t{64} << 20;
    options.max_message_bytes = std::uint64_t{4} << 20;
    return options;
  }

  std::shared_ptr<GatedStore> store_;
  server::Server server_;
  std::thread thread_;
};

std::uint64_t clients_of(const Store& store) { return server_stats(store).value().clients; }

TEST_CASE("questions are answered while the store holds up appends") {
  RunningServer server;
  const std::unique_ptr<Store> writer = connect(server.endpoint());
  const std::unique_ptr<Store> reader = connect(server.endpoint());
  server.store().set_open(false);
  writer->append("k", "v");
  server.store().wait_for_arrival();
  CHECK(reader->get("k").empty());
  CHECK(clients_of(*reader) == 2);
  server.store().set_open(true);
  CHECK(writer->get("k") == "v");
}

TEST_CASE("a server's statistics count what waits and what it has done, without waiting for the store") {
  RunningServer server;
  const std::unique_ptr<Store> writer = connect(server.endpoint(), {.batch_bytes = 1});
  const std::unique_ptr<Store> other = connect(server.endpoint(), {.ack = Acknowledgement::each});
  server.store().set_open(false);
  writer->append("k", "v");
  server.store().wait_for_arrival();
  ServerStats stats = server_stats(*writer).value();  // though what it has appended waits
  CHECK(stats.clients == 2);
  CHECK(stats.batches == 0);
  CHECK(stats.queued_bytes > 2);
  server.store().set_open(true);
  writer->flush();
  CHECK_THROWS_AS(other->append_batch(std::vector<Entry>{{"k", "w"}}, {.expect_size = 7}), SizeMismatchError);
  CHECK(other->get("k") == "v");
  stats = server.stats();
  CHECK(stats.refused_clients == 0);
  CHECK(stats.batches == 1);
  CHECK(stats.batch_bytes > 2);
  CHECK(stats.refused_batches == 1);
  CHECK(stats.queued_bytes == 0);
  CHECK(stats.answers == 2);
  CHECK_FALSE(server_stats(*memory_store()).has_value());
}

TEST_CASE("a server that is stopped applies and acknowledges what it has received") {
  RunningServer server;
  const auto writer = connect(server.endpoint(), {.ack = Acknowledgement::each});
  server.store().set_open(false);
  std::thread appending([&] { writer->append("k", "v"); });  // would end this process if it threw
  server.store().wait_for_arrival();
  server.stop();
  server.store().set_open(true);
  appending.join();
  server.end();
  CHECK(server.store().get("k") == "v");
}

TEST_CASE("a flush that comes while the server stops is done by the next one") {
  const TemporaryDirectory directory;
  const std::string endpoint = "ipc://" + directory / "socket";
  auto server = std::make_unique<RunningServer>(server::ServerOptions{.endpoints = {endpoint}});
  const auto client = connect(endpoint);
  server->store().set_open(false);
  client->append("k", "v");
  server->store().wait_for_arrival();
  server->stop();
  std::thread flushing([&] { client->flush(); });  // would end this process if it threw
  server->store().set_open(true);
  const auto store = server->shared_store();
  server.reset();
  server = std::make_unique<RunningServer>(server::ServerOptions{.endpoints = {endpoint}}, store);
  flushing.join();
  CHECK(store->get("k") == "v");
}

TEST_CASE("a flush that comes while the server stops, and after which no other begins, says that there is none") {
  RunningServer server;
  const auto client = connect(server.endpoint(), {.timeout = 500ms});
  server.store().set_open(false);
  client->append("k", "v");
  server.store().wait_for_arrival();
  server.stop();
  std::thread opening([&] { server.store().set_open(true); });
  CHECK_THROWS_WITH_AS(
      [&] {
        for (;;) client->flush();
      }(),
      doctest::Contains("see whether it runs"), NetworkError);
  opening.join();
}

TEST_CASE("a list of more keys than the server gives at once arrives whole") {
  RunningServer server;
  constexpr int count = 40'000;
  std::vector<KeySize> expected;
  for (int i = 0; i < count; ++i) {
    expected.push_back({std::to_string(100'000 + i), 1});
    server.store().append(expected.back().key, "x");
  }
  const auto client = connect(server.endpoint());
  CHECK((client->list() == expected));
  expected.resize(33'000);
  CHECK((client->list({.limit = 33'000}) == expected));
}

TEST_CASE("appends of several clients keep each client's order and are all there") {
  RunningServer server;
  constexpr int clients = 4;
  constexpr int appends = 2000;
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&, i] {
      const std::unique_ptr<Store> client = connect(server.endpoint());
      for (int n = 0; n < appends; ++n) client->append("k" + std::to_string(i), std::to_string(n) + ",");
      client->flush();
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string expected;
  for (int n = 0; n < appends; ++n) expected += std::to_string(n) + ",";
  for (int i = 0; i < clients; ++i) CHECK(server.store().get("k" + std::to_string(i)) == expected);
}

TEST_CASE("an error of the store reaches the caller as its type, and nobody else") {
  RunningServer server;
  const std::unique_ptr<Store> client = connect(server.endpoint());
  const std::unique_ptr<Store> other = connect(server.endpoint());
  const Entry entry{"k", "v"};
  CHECK_THROWS_AS(client->append_batch({&entry, 1}, {.expect_size = 7}), SizeMismatchError);
  client->append_batch({&entry, 1}, {.expect_size = 0});
  CHECK(other->get("k") == "v");
}

struct Curve {
  KeyPair server = make_key_pair();
  KeyPair client = make_key_pair();

  [[nodiscard]] server::ServerOptions options() const {
    return {.curve = ServerCurve{.keys = server, .allowed_clients = std::vector{client.public_key}}};
  }
};

TEST_CASE("a client whose key is on the list is served") {
  const Curve keys;
  RunningServer server(keys.options());
  const auto client = connect(server.endpoint(), {.server_key = keys.server.public_key, .keys = keys.client});
  client->append("k", "v");
  CHECK(client->get("k") == "v");
}

TEST_CASE("a client whose key is not on the list, or who has another server's, is refused and harms nobody") {
  const Curve keys;
  RunningServer server(keys.options());
  CHECK_THROWS_AS((void)connect(server.endpoint(), {.timeout = 2s, .server_key = keys.server.public_key}), AuthError);
  CHECK_THROWS_AS(
      (void)connect(server.endpoint(), {.timeout = 2s, .server_key = make_key_pair().public_key, .keys = keys.client}),
      Error);
  CHECK_THROWS_AS((void)connect(server.endpoint(), {.timeout = 2s}), Error);
  const auto client = connect(server.endpoint(), {.server_key = keys.server.public_key, .keys = keys.client});
  client->append("k", "v");
  CHECK(client->get("k") == "v");
}

/// A server on TCP and on a socket, whose list of allowed keys the test changes.
class ReloadingServer {
 public:
  ReloadingServer() : server_(options()) {}

  void set_list(std::function<std::vector<std::string>()> list) {
    const std::lock_guard lock(mutex_);
    list_ = std::move(list);
  }
  [[nodiscard]] ClientOptions client() const {
    return {.timeout = 5s, .server_key = keys_.server.public_key, .keys = keys_.client};
  }
  [[nodiscard]] const std::string& public_key() const { return keys_.client.public_key; }
  [[nodiscard]] std::string tcp() const { return server_.endpoint(); }
  [[nodiscard]] std::string socket() const { return "ipc://" + directory_ / "socket"; }

 private:
  [[nodiscard]] server::ServerOptions options() {
    server::ServerOptions options = keys_.options();
    options.endpoints = {"tcp://127.0.0.1:*", socket()};
    options.read_allowed_clients = [this] {
      const std::lock_guard lock(mutex_);
      return list_();
    };
    return options;
  }

  const Curve keys_;
  const TemporaryDirectory directory_;
  std::mutex mutex_;  // guards list_
  std::function<std::vector<std::string>()> list_;
  RunningServer server_;
};

TEST_CASE("keys that are read again count for new connections, and open ones stay") {
  ReloadingServer server;
  const auto control = connect(server.socket());
  const auto connected = connect(server.tcp(), server.client());
  server.set_list([] { return std::vector<std::string>{}; });
  CHECK(reload_keys(*control).value().removed == 1);
  CHECK_THROWS_AS((void)connect(server.tcp(), server.client()), AuthError);
  connected->append("k", "v");
  CHECK(connected->get("k") == "v");
  server.set_list([&] { return std::vector{server.public_key()}; });
  CHECK(reload_keys(*control).value().added == 1);
  CHECK(connect(server.tcp(), server.client())->get("k") == "v");
}

TEST_CASE("a list that cannot be read again leaves the one that there is, and says so to who asked") {
  ReloadingServer server;
  const auto control = connect(server.socket());
  server.set_list([]() -> std::vector<std::string> { throw InvalidArgumentError("clients:3: bad"); });
  CHECK_THROWS_WITH_AS((void)reload_keys(*control), doctest::Contains("clients:3: bad; the server goes on"), Error);
  CHECK_NOTHROW((void)connect(server.tcp(), server.client()));
  CHECK(control->get("k").empty());
}

TEST_CASE("clients on TCP cannot have keys read again, nor others those that there are not") {
  ReloadingServer server;
  server.set_list([] { return std::vector<std::string>{}; });
  const auto remote = connect(server.tcp(), server.client());
  CHECK_THROWS_AS((void)reload_keys(*remote), UnsupportedError);
  CHECK_NOTHROW((void)connect(server.tcp(), server.client()));
  const TemporaryDirectory directory;
  RunningServer without_list({.endpoints = {"ipc://" + directory / "socket"}});
  CHECK_THROWS_WITH_AS((void)reload_keys(*connect(without_list.endpoint())), doctest::Contains("--allow-client-keys"),
                       UnsupportedError);
  CHECK_FALSE(reload_keys(*memory_store()).has_value());
}

/// Says to the server what the client library would not.
class RudeClient {
 public:
  explicit RudeClient(const std::string& endpoint) : dealer_(endpoint, {}) {
    dealer_.open();
    say_hello();
  }

  void say_hello() {
    send({.id = 1, .body = wire::Hello{.session = session_, .window = 1, .forgotten = welcome_.forgotten}});
    receive_until([&](const wire::Reply& reply) {
      const auto* found = std::get_if<wire::Welcome>(&reply.body);
      if (found) welcome_ = *found;
      return found != nullptr;
    });
  }

  [[nodiscard]] const wire::Welcome& welcome() const noexcept { return welcome_; }

  void send(const wire::Request& request) {
    wire::encode_request(request, message_);
    send(message_);
  }

  void send(const std::string& message) {
    while (!dealer_.try_send(message)) dealer_.poll(wake_up_.fd(), 1ms);
  }

  void receive_until(const std::function<bool(const wire::Reply&)>& is_it) {
    for (;;) {
      const auto message = dealer_.try_receive();
      if (message && is_it(wire::decode_reply(message->to_string_view()))) return;
      if (!message) dealer_.poll(wake_up_.fd(), std::nullopt);
      while (dealer_.try_event()) {
      }
    }
  }

 private:
  const wire::SessionId session_ = random_uuid();
  Dealer dealer_;
  WakeUp wake_up_;
  std::string message_;
  wire::Welcome welcome_{};
};

TEST_CASE("a batch of unknown outcome that is sent again over another connection is applied once") {
  RunningServer server;
  RudeClient client(server.endpoint());
  const wire::Request append{.id = 0, .body = wire::Append{.sequence = 1, .entries = {{"k", "x"}}}};
  server.store().set_hides_outcome(true);
  client.send(append);
  client.receive_until([](const wire::Reply& reply) { return std::holds_alternative<wire::Refused>(reply.body); });
  server.store().set_hides_outcome(false);
  client.say_hello();
  CHECK(client.welcome().applied == 0);
  client.send(append);
  client.receive_until([](const wire::Reply& reply) { return std::holds_alternative<wire::Ack>(reply.body); });
  CHECK(server.store().get("k") == "x");
}

TEST_CASE("a client that sends twice its window is refused at that batch") {
  RunningServer server;
  server.store().set_open(false);
  RudeClient client(server.endpoint());
  const std::string bytes(std::size_t{1} << 20, 'x');
  constexpr std::uint64_t batches = 10;
  for (std::uint64_t i = 1; i <= batches; ++i) {
    client.send({.id = 0, .body = wire::Append{.sequence = i, .entries = {{"k", bytes}}}});
  }
  std::uint64_t refused = 0;
  client.receive_until([&](const wire::Reply& reply) {
    const auto* refusal = std::get_if<wire::Refused>(&reply.body);
    if (refusal) refused = refusal->sequence;
    return refusal != nullptr;
  });
  CHECK(refused == 8);  // two windows of 4 MiB hold seven batches with their headers
  server.store().set_open(true);
  client.receive_until([&](const wire::Reply& reply) {
    const auto* ack = std::get_if<wire::Ack>(&reply.body);
    return ack && ack->applied == refused - 1;
  });
  CHECK(server.store().size("k") == (refused - 1) << 20);
}

TEST_CASE("hellos and small requests do not wait for lists") {
  RunningServer server;
  server.store().append("k", "v");
  server.store().set_open(false);
  constexpr int count = 8;
  std::vector<std::unique_ptr<RudeClient>> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<RudeClient>(server.endpoint()));
    clients.back()->send({.id = 2, .body = wire::List{}});
  }
  server.store().wait_for_lists(2);
  const std::unique_ptr<Store> other = connect(server.endpoint());
  CHECK(other->get("k") == "v");
  CHECK(other->size("k") == 1);
  server.store().set_open(true);
  for (const auto& client : clients) client->receive_until([](const wire::Reply& reply) { return reply.id == 2; });
}

TEST_CASE("a batch does not wait for all that another client has in its window") {
  RunningServer server;
  RudeClient busy(server.endpoint());
  RudeClient other(server.endpoint());
  const std::string bytes(100'000, 'x');
  constexpr std::uint64_t batches = 60;
  server.store().set_open(false);
  const auto ping = [](RudeClient& client) {
    client.send({.id = 2, .body = wire::Ping{}});
    client.receive_until([](const wire::Reply& reply) { return reply.id == 2; });
  };
  for (std::uint64_t i = 1; i <= batches; ++i) {
    busy.send({.id = 0, .body = wire::Append{.sequence = i, .entries = {{"busy", bytes}}}});
  }
  ping(busy);
  other.send({.id = 0, .body = wire::Append{.sequence = 1, .entries = {{"other", "x"}}}});
  ping(other);
  server.store().set_open(true);
  busy.receive_until([](const wire::Reply& reply) {
    const auto* ack = std::get_if<wire::Ack>(&reply.body);
    return ack && ack->applied == batches;
  });
  const std::vector<std::string> keys = server.store().first_keys();
  const auto at = std::find(keys.begin(), keys.end(), "other");
  CHECK(at - keys.begin() < 40);  // two groups of 2 MiB at most
}

TEST_CASE("requests that wait for the store hold all clients back when they take a quarter of the memory") {
  RunningServer server;
  server.store().set_open(false);
  const std::string key(max_key_size, 'k');
  const std::vector<std::string_view> keys(1000, key);
  constexpr int count = 10;
  std::vector<std::unique_ptr<RudeClient>> clients;
  for (int i = 0; i < count; ++i) clients.push_back(std::make_unique<RudeClient>(server.endpoint()));
  for (const auto& client : clients) {
    client->send({.body = wire::Append{.sequence = 1, .entries = {{"k", "v"}}}});
    for (const std::uint32_t request : {2U, 3U, 4U}) client->send({.id = request, .body = wire::Get{.keys = keys}});
  }
  const auto is_held_back = [&] {
    try {
      (void)connect(server.endpoint(), {.timeout = 100ms});
      return false;
    } catch (const TimeoutError&) {
      return true;
    } catch (const NetworkError&) {
      return false;  // on a busy machine there was no connection in time
    }
  };
  int attempts = 0;
  while (attempts < 1000 && !is_held_back()) ++attempts;
  CHECK(attempts < 1000);
  server.store().set_open(true);
  for (const auto& client : clients) client->receive_until([](const wire::Reply& reply) { return reply.id == 4; });
  CHECK(connect(server.endpoint())->get("k").size() == count);
}

TEST_CASE("a client that takes nothing of its reply is dropped, and its memory is free for others") {
  RunningServer server({.stall_timeout = 50ms});
  const std::string value(std::size_t{12} << 20, 'x');
  server.store().append("large", value);
  RudeClient deaf(server.endpoint());
  deaf.send({.id = 2, .body = wire::Get{.keys = {"large"}}});
  deaf.receive_until([](const wire::Reply& reply) { return reply.id == 2; });
  const std::unique_ptr<Store> other = connect(server.endpoint());
  while (clients_of(*other) > 1) std::this_thread::yield();
  CHECK(other->get("large") == value);
}

TEST_CASE("a client that floods nonsense and takes none of the answers is dropped") {
  RunningServer server;
  RudeClient deaf(server.endpoint());
  const std::unique_ptr<Store> other = connect(server.endpoint());
  CHECK(clients_of(*other) == 2);
  while (clients_of(*other) > 1) {
    for (int i = 0; i < 100; ++i) deaf.send("nonsense");
  }
  other->append("k", "bytes");
  CHECK(other->get("k") == "bytes");
}

TEST_CASE("options that leave no room for messages are refused") {
  MemoryBufferedStore store;
  CHECK_THROWS_AS(server::Server(store, {.max_message_bytes = 1000}), InvalidArgumentError);
  CHECK_THROWS_AS(server::Server(store, {.max_clients = 0}), InvalidArgumentError);
  CHECK_THROWS_AS(server::Server(store, {.memory_bytes = 1 << 20}), InvalidArgumentError);
}

}  // namespace
}  // namespace accrete::test
