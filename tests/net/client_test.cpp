// Tests of net/client.cpp and what it is made of, against a server that can be told to misbehave.
#include "net/client.hpp"

#include <atomic>
#include <cerrno>
#include <doctest/doctest.h>
#include <functional>
#include <thread>

#include "net/curve.hpp"
#include "net/fake_server.hpp"
#include "support/model.hpp"
#include "support/random_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

using namespace std::chrono_literals;

void wait_until(const std::function<bool()>& is_so) {
  while (!is_so()) std::this_thread::yield();
}

/// A server that can be restarted at its endpoint, and clients of it.
class Place {
 public:
  explicit Place(FakeServerOptions options = {}) : options_(std::move(options)) { start(); }

  void start() { server_.emplace("ipc://" + (directory_ / "socket"), disk, options_); }
  void stop() { server_.reset(); }
  [[nodiscard]] FakeServer& server() { return *server_; }
  [[nodiscard]] std::string endpoint() const { return "ipc://" + (directory_ / "socket"); }
  [[nodiscard]] std::unique_ptr<Store> client(const ClientOptions& options = {}) {
    return connect(endpoint(), options);
  }
  [[nodiscard]] std::string value(std::string_view key) { return disk.store->get(key); }

  FakeDisk disk{};

 private:
  TemporaryDirectory directory_;
  FakeServerOptions options_;
  std::optional<FakeServer> server_;
};

TEST_CASE("what was appended is read back, by every call that waits for it") {
  Place place;
  const std::unique_ptr<Store> client = place.client();
  client->append("a", "1");
  client->append("b", "");
  client->append("a", "2");
  CHECK(client->get("a") == "12");
  client->append("a", "3");
  const std::vector<std::string_view> keys = {"b", "a", "none"};
  CHECK(client->get_batch(keys) == std::vector<std::string>{"", "123", ""});
  client->append("a", "4");
  CHECK(client->size("a") == 4);
  CHECK(client->size("b") == 0);
  CHECK_FALSE(client->size("none").has_value());
  CHECK(client->get_range("a", 1, 2) == "23");
  CHECK(client->get_range("a", 3, ~std::uint64_t{0}) == "4");
  CHECK(client->list() == std::vector<KeySize>{{"a", 4}, {"b", 0}});
  CHECK(client->list({.prefix = std::string(3000, 'a')}).empty());
  CHECK(client->stats().bytes == 4);
  client->erase("a");
  CHECK(client->list() == std::vector<KeySize>{{"b", 0}});
  client->append("c", "x");
  client->drop();
  CHECK(client->list().empty());
}

TEST_CASE("a client that is closed has handed everything over and says goodbye") {
  Place place;
  for (int i = 0; i < 10; ++i) {
    auto client = place.client();
    client->append("k", "x");
    client.reset();
    CHECK(place.value("k").size() == static_cast<std::size_t>(i + 1));
  }
  wait_until([&] { return place.server().goodbyes == 10; });
}

TEST_CASE("an append reaches the server by itself when the linger is over") {
  Place place;
  const auto client = place.client({.linger = 1ms});
  client->append("k", "x");
  wait_until([&] { return place.server().appends == 1; });
}

TEST_CASE("many appends share few messages, in their order, and a batch stays in one message") {
  Place place;
  const auto client = place.client({.batch_bytes = 10'000, .linger = 1h});
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string piece = std::to_string(i) + ";";
    const std::vector<Entry> entries = {{"a", piece}, {"b", piece}, {"a", "."}};
    client->append_batch(entries);
    expected += piece + ".";
  }
  client->flush();
  CHECK(client->get("a") == expected);
  CHECK(place.server().appends > 10);
  CHECK(place.server().appends < 50);
}

TEST_CASE("threads append through one client, and each one's order is kept") {
  for (const Acknowledgement ack : {Acknowledgement::window, Acknowledgement::each}) {
    Place place({.window = 4000});
    const auto client = place.client({.ack = ack, .batch_bytes = 1000});
    constexpr std::uint64_t appends = 300;
    std::vector<std::thread> threads;
    for (char name = 'a'; name < 'e'; ++name) {
      threads.emplace_back([&, name] {
        std::string expected;
        for (std::uint64_t i = 0; i < appends; ++i) {
          const std::string piece = std::to_string(i) + ",";
          const std::vector<Entry> entries = {{"shared", "x"}, {{&name, 1}, piece}};
          if (i % 50 == 7) {
            client->append("shared", "x");
            const Entry alone{{&name, 1}, piece};
            client->append_batch({&alone, 1}, {.expect_size = expected.size()});
          } else {
            client->append_batch(entries, {.sync = i % 50 == 9});
          }
          expected += piece;
        }
        const std::string got = client->get({&name, 1});
        if (got != expected) std::terminate();
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(client->size("shared") == 4 * appends);
  }
}

TEST_CASE("with an acknowledgement for each, an append that returned is with the server") {
  Place place;
  const auto client = place.client({.ack = Acknowledgement::each, .linger = 1h});
  for (int i = 1; i <= 100; ++i) {
    client->append("k", "x");
    CHECK(place.server().applied == i);
  }
  CHECK(client->size("k") == 100);
}

TEST_CASE("a refused append is told once, kept, and applied once when there is room") {
  Place place;
  const auto client = place.client({.batch_bytes = 100});
  client->append("k", "1");
  client->flush();
  place.server().misbehaviour.is_full = true;
  client->append("k", "2");
  CHECK_THROWS_AS(client->flush(), DiskFullError);
  place.server().misbehaviour.is_full = false;
  client->append("k", "3");
  client->flush();
  CHECK(client->get("k") == "123");
}

TEST_CASE("a refused append is sent again in the background") {
  Place place;
  auto client = place.client({.linger = 1ms});
  place.server().misbehaviour.is_full = true;
  client->append("k", "x");
  wait_until([&] { return place.server().refusals >= 3; });
  CHECK_THROWS_AS(client->append("k", "not done"), DiskFullError);
  place.server().misbehaviour.is_full = false;
  client.reset();
  CHECK(place.value("k") == "x");
}

TEST_CASE("while the disk is full, what waits behind a refused append is neither lost nor doubled") {
  Place place({.window = 1000});
  const auto client = place.client({.batch_bytes = 100, .linger = 0us});
  std::string expected;
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    place.server().misbehaviour.is_full = i / 100 % 2 == 1;
    const std::string piece = std::to_string(i) + ";";
    try {
      client->append("k", piece);
      expected += piece;
    } catch (const DiskFullError& error) {
      CHECK(error.code().value() == ENOSPC);
      ++refused;
    }
  }
  place.server().misbehaviour.is_full = false;
  for (bool is_flushed = false; !is_flushed;) {
    try {
      client->flush();
      is_flushed = true;
    } catch (const DiskFullError&) {
      ++refused;
    }
  }
  CHECK(refused > 0);
  CHECK((client->get("k") == expected));
}

TEST_CASE("a call that waits for its own batch gets its refusal, and the batch is not applied later") {
  Place place;
  const auto window = place.client();
  const auto each = place.client({.ack = Acknowledgement::each});
  const Entry entry{"k", "x"};
  place.server().misbehaviour.is_full = true;
  CHECK_THROWS_AS(window->append_batch({&entry, 1}, {.sync = true}), DiskFullError);
  CHECK_THROWS_AS(window->append_batch({&entry, 1}, {.expect_size = 0}), DiskFullError);
  CHECK_THROWS_AS(each->append("k", "x"), DiskFullError);
  CHECK_THROWS_AS(each->append_batch({&entry, 1}, {.id = BatchId{.sequence = 1}}), DiskFullError);
  place.server().misbehaviour.is_full = false;
  window->flush();
  each->flush();
  CHECK_FALSE(window->size("k").has_value());
  each->append("k", "y");
  window->append("k", "z");
  CHECK(window->get("k") == "yz");
}

TEST_CASE("a wrong size is told to its caller, and what follows goes on") {
  Place place;
  const auto client = place.client();
  client->append("k", "before;");
  const Entry entry{"k", "no"};
  CHECK_THROWS_AS(client->append_batch({&entry, 1}, {.expect_size = 3}), SizeMismatchError);
  client->append("k", "after;");
  const Entry right{"k", "right"};
  client->append_batch({&right, 1}, {.expect_size = 13});
  CHECK(client->get("k") == "before;after;right");
}

TEST_CASE("a batch with an id is applied once") {
  Place place;
  const auto client = place.client();
  const Entry entry{"k", "x"};
  const BatchId id{.writer = writer_id(1), .sequence = 7};
  for (int i = 0; i < 3; ++i) client->append_batch({&entry, 1}, {.id = id});
  client->append_batch({}, {.id = BatchId{.writer = writer_id(1), .sequence = 9}});
  CHECK(client->get("k") == "x");
  CHECK(client->last_sequence(writer_id(1)) == 9);
  CHECK_FALSE(client->last_sequence(writer_id(2)).has_value());
}

TEST_CASE("a batch that no message can hold is refused before anything is sent, and says how to allow it") {
  Place place({.max_message = 1000});
  const auto client = place.client();
  CHECK_THROWS_WITH_AS(client->append("k", std::string(1000, 'x')), doctest::Contains("--max-message"), TooLargeError);
  const std::string large(1000, 'x');
  const Entry large_entry{"k", large};
  CHECK_THROWS_AS(client->append_batch({&large_entry, 1}, {.sync = true}), TooLargeError);
  client->append("k", std::string(900, 'x'));
  CHECK(client->size("k") == 900);
}

TEST_CASE("a batch larger than the window passes alone") {
  Place place({.window = 1000});
  const auto client = place.client();
  for (int i = 0; i < 10; ++i) client->append("k", std::string(5000, 'x'));
  CHECK(client->size("k") == 50'000);
}

TEST_CASE("acknowledgements that come twice or late change nothing") {
  Place place;
  place.server().misbehaviour.sends_old_acks = true;
  const auto client = place.client({.batch_bytes = 50});
  for (int i = 0; i < 1000; ++i) client->append("k", "0123456789");
  CHECK(client->get("k").size() == 10'000);
}

TEST_CASE("an acknowledgement that is lost is made up for by a later one") {
  Place place;
  const auto client = place.client({.batch_bytes = 50, .linger = 0us});
  place.server().misbehaviour.acks_to_lose = 5;
  for (int i = 0; i < 100; ++i) client->append("k", "0123456789");
  wait_until([&] { return place.server().misbehaviour.acks_to_lose == 0; });
  client->append("k", "x");
  CHECK(client->get("k").size() == 1001);
}

TEST_CASE("appends go on over restarts of the server, each applied once") {
  Place place;
  const auto client = place.client({.batch_bytes = 200, .linger = 0us});
  std::string expected;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 200; ++i) {
      const std::string piece = std::to_string(round) + "." + std::to_string(i) + ";";
      client->append("k", piece);
      expected += piece;
      if (i == 100) place.stop();
    }
    place.start();
    if (round % 3 == 0) client->flush();
  }
  CHECK((client->get("k") == expected));
}

TEST_CASE("a restarted server that has lost what it had in memory is told once, and things go on") {
  Place place({.durability = Durability::memory});
  const auto client = place.client();
  client->append("k", "lost");
  CHECK(client->get("k") == "lost");
  place.stop();
  place.disk = FakeDisk{};
  place.start();
  wait_until([&] { return place.server().greetings == 1; });
  CHECK_THROWS_WITH_AS(client->flush(), doctest::Contains("may be lost"), NetworkError);
  client->append("k", "kept");
  client->flush();
  CHECK(client->get("k") == "kept");
}

TEST_CASE("a restarted server that had handed everything down loses nothing and nothing is told") {
  Place place({.durability = Durability::memory});
  const auto client = place.client();
  client->append("k", "kept;");
  client->flush();
  place.stop();
  place.start();
  client->append("k", "new");
  CHECK(client->get("k") == "kept;new");
}

/// Every call, each by its name.
std::vector<std::pair<std::string, std::function<void(Store&)>>> every_call() {
  const auto append_with = [](const AppendOptions& options) {
    return [options](Store& store) {
      const Entry entry{"k", "x"};
      store.append_batch({&entry, 1}, options);
    };
  };
  return {
      {"get", [](Store& store) { (void)store.get("k"); }},
      {"get_range", [](Store& store) { (void)store.get_range("k", 0, 1); }},
      {"size", [](Store& store) { (void)store.size("k"); }},
      {"list", [](Store& store) { (void)store.list(); }},
      {"stats", [](Store& store) { (void)store.stats(); }},
      {"last_sequence", [](Store& store) { (void)store.last_sequence({}); }},
      {"erase", [](Store& store) { store.erase("k"); }},
      {"drop", [](Store& store) { store.drop(); }},
      {"flush", [](Store& store) { store.flush(); }},
      {"sync", [](Store& store) { store.sync(); }},
      {"append with sync", append_with({.sync = true})},
      {"append with expect_size", append_with({.expect_size = 0})},
  };
}

TEST_CASE("every call ends with TimeoutError when the server does not answer, and so does closing") {
  Place place;
  auto client = place.client({.timeout = 100ms});
  place.server().misbehaviour.says_nothing = true;
  for (const auto& [name, call] : every_call()) {
    CAPTURE(name);
    CHECK_THROWS_AS(call(*client), TimeoutError);
  }
  client.reset();
  CHECK_THROWS_WITH_AS((void)place.client({.timeout = 100ms}), doctest::Contains("socket"), TimeoutError);
}

TEST_CASE("appends to a server that does not answer end with TimeoutError when the window is full") {
  Place place;
  auto client = place.client({.timeout = 100ms, .batch_bytes = 1000, .window_bytes = 5000});
  place.server().misbehaviour.says_nothing = true;
  int appended = 0;
  const auto append_all = [&] {
    for (; appended < 10'000; ++appended) client->append("k", "0123456789");
  };
  CHECK_THROWS_AS(append_all(), TimeoutError);
  CHECK(appended >= 500);
  CHECK(appended < 1000);
}

TEST_CASE("every call ends with NetworkError when there is no server") {
  Place place;
  auto client = place.client({.timeout = 100ms});
  place.stop();
  for (const auto& [name, call] : every_call()) {
    CAPTURE(name);
    CHECK_THROWS_AS(call(*client), NetworkError);
  }
  CHECK_THROWS_WITH_AS((void)place.client({.timeout = 100ms}), doctest::Contains("socket"), NetworkError);
  CHECK_THROWS_AS((void)connect("somewhere"), InvalidArgumentError);
}

TEST_CASE("a client waits for a server that starts later") {
  Place place;
  place.stop();
  std::thread starter([&] { place.start(); });
  CHECK(place.client()->list().empty());
  starter.join();
}

TEST_CASE("a server that sends garbage is a NetworkError") {
  Place place;
  auto client = place.client({.timeout = 300ms});
  place.server().misbehaviour.sends_garbage = true;
  CHECK_THROWS_AS((void)client->get("k"), NetworkError);
  CHECK_THROWS_AS(client->flush(), NetworkError);
  place.server().misbehaviour.sends_garbage = false;
  client->append("k", "x");
  wait_until([&] {
    try {
      return client->get("k") == "x";
    } catch (const NetworkError&) {
      return false;
    }
  });
}

TEST_CASE("values of many parts arrive whole, several at once") {
  for (const std::size_t part_bytes : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    Place place({.part_bytes = part_bytes});
    const auto client = place.client();
    Random random(part_bytes);
    const std::string value = random_bytes(random, 300 * part_bytes + 5);
    client->append("k", value);
    client->append("other", "o");
    const std::vector<std::string_view> keys = {"k", "none", "other", "k"};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        if (client->get_batch(keys) != std::vector<std::string>{value, "", "o", value}) std::terminate();
      });
    }
    CHECK((client->get_range("k", 3, value.size()) == value.substr(3)));
    CHECK(client->list().size() == 2);
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_CASE("a server that lies about the size of a value is not believed") {
  Place place;
  const auto client = place.client();
  client->append("k", "value");
  place.server().misbehaviour.lies_about_size = true;
  CHECK_THROWS_AS((void)client->get("k"), NetworkError);
  place.server().misbehaviour.lies_about_size = false;
  CHECK(client->get("k") == "value");
}

TEST_CASE("a server with keys lets in whom it knows, and others get AuthError") {
  const KeyPair server_keys = make_key_pair();
  const KeyPair client_keys = make_key_pair();
  FakeDisk disk;
  const FakeServer server(
      "tcp://127.0.0.1:*", disk,
      {.curve = ServerCurve{.keys = server_keys, .allowed_clients = std::vector{client_keys.public_key}}});
  const auto client = connect(server.endpoint(), {.server_key = server_keys.public_key, .keys = client_keys});
  client->append("k", "x");
  CHECK(client->get("k") == "x");
  CHECK_THROWS_AS((void)connect(server.endpoint(), {.timeout = 5s, .server_key = server_keys.public_key}), AuthError);
  CHECK_THROWS_AS((void)connect(server.endpoint(), {.timeout = 5s}), AuthError);
  CHECK_THROWS_AS((void)connect(server.endpoint(), {.timeout = 5s, .server_key = client_keys.public_key}), AuthError);
  CHECK_THROWS_AS((void)connect(server.endpoint(), {.server_key = "short"}), InvalidArgumentError);
}

}  // namespace
}  // namespace accrete::test
