// Tests of what becomes of a client's calls when its server restarts, is silent, or does what it should not.
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "net/client.hpp"
#include "net/fake_place.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

using namespace std::chrono_literals;

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

struct Call {
  std::string name;
  std::function<void(Store&)> run;
  bool changes = false;
};

std::vector<Call> every_call() {
  const auto append_with = [](const AppendOptions& options) {
    return [options](Store& store) {
      const Entry entry{"k", "x"};
      store.append_batch({&entry, 1}, options);
    };
  };
  constexpr bool changes = true;
  return {
      {"get", [](Store& store) { (void)store.get("k"); }},
      {"get_range", [](Store& store) { (void)store.get_range("k", 0, 1); }},
      {"size", [](Store& store) { (void)store.size("k"); }},
      {"list", [](Store& store) { (void)store.list(); }},
      {"removals", [](Store& store) { (void)store.removals(); }},
      {"stats", [](Store& store) { (void)store.stats(); }},
      {"last_sequence", [](Store& store) { (void)store.last_sequence({}); }},
      {"attribute", [](Store& store) { (void)store.attribute("a"); }},
      {"attributes", [](Store& store) { (void)store.attributes(); }},
      {"set_attribute", [](Store& store) { store.set_attribute("a", "x"); }, changes},
      {"erase", [](Store& store) { store.erase("k"); }, changes},
      {"drop", [](Store& store) { store.drop(); }, changes},
      {"flush", [](Store& store) { store.flush(); }},
      {"sync", [](Store& store) { store.sync(); }},
      {"append with sync", append_with({.sync = true}), changes},
      {"append with expect_size", append_with({.expect_size = 0}), changes},
  };
}

TEST_CASE(
    "every call ends when the server does not answer: a change that was sent in UnknownOutcomeError, others in "
    "TimeoutError") {
  Place place;
  for (const Call& call : every_call()) {
    CAPTURE(call.name);
    place.server().misbehaviour.says_nothing = false;
    const auto client = place.client({.timeout = 100ms});
    place.server().misbehaviour.says_nothing = true;
    if (call.changes) {
      CHECK_THROWS_AS(call.run(*client), UnknownOutcomeError);
    } else {
      CHECK_THROWS_AS(call.run(*client), TimeoutError);
    }
  }
  CHECK_THROWS_WITH_AS((void)place.client({.timeout = 100ms}), doctest::Contains("socket"), TimeoutError);
}

TEST_CASE("an attribute that was set before the connection broke is not said to be another's when it is set again") {
  Place place;
  const auto client = place.client();
  const auto set_over_two_connections = [&](const AttributeOptions& options) {
    place.server().misbehaviour.answers_to_lose = 1;
    std::thread restart([&] {
      wait_until([&] { return place.server().misbehaviour.answers_to_lose == 0; });
      place.stop();
      place.start();
    });
    std::optional<bool> is_set;
    std::string unknown;
    try {
      is_set = client->set_attribute("a", "mine", options);
    } catch (const UnknownOutcomeError& error) {
      unknown = error.what();
    }
    restart.join();
    CHECK(place.disk.store->attribute("a") == "mine");
    if (!is_set) CHECK(unknown.find("look at what is there") != std::string::npos);
    return is_set;
  };
  CHECK(set_over_two_connections({.expect_none = true}) == std::nullopt);
  CHECK(set_over_two_connections({.expect_value = "mine"}) == true);
  CHECK(set_over_two_connections({}) == true);
  CHECK_FALSE(client->set_attribute("a", "theirs", {.expect_none = true}));
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
  for (const Call& call : every_call()) {
    CAPTURE(call.name);
    CHECK_THROWS_AS(call.run(*client), NetworkError);
  }
  CHECK_THROWS_WITH_AS((void)place.client({.timeout = 100ms}), doctest::Contains("socket"), NetworkError);
  CHECK_THROWS_AS((void)connect("somewhere"), InvalidArgumentError);
}

/// Takes connections at a free port and ends each in its handshake.
class BrokenServer {
 public:
  BrokenServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    require(::bind(listener_, any, size) == 0 && ::listen(listener_, 8) == 0, "it listens");
    require(::getsockname(listener_, any, &size) == 0, "it has a port");
    endpoint_ = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~BrokenServer() { ::close(listener_); }
  BrokenServer(const BrokenServer&) = delete;
  BrokenServer& operator=(const BrokenServer&) = delete;

  [[nodiscard]] const std::string& endpoint() const noexcept { return endpoint_; }
  /// Waits for one; false when it was stopped meanwhile.
  [[nodiscard]] bool end_handshake() const {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection == -1) return false;
    char greeting = 0;
    (void)::read(connection, &greeting, 1);  // none where the client gave up meanwhile
    ::close(connection);
    return true;
  }
  void stop() const noexcept { (void)::shutdown(listener_, SHUT_RDWR); }

 private:
  int listener_;
  std::string endpoint_;
};

TEST_CASE("a client goes on where a server dies in the handshake, time and again") {
  auto broken = std::make_optional<BrokenServer>();
  const std::string endpoint = broken->endpoint();
  FakeDisk disk;
  std::optional<FakeServer> server;
  std::thread restarts([&] {
    for (int i = 0; i < 4; ++i) require(broken->end_handshake(), "the client connects");
    broken.reset();
    server.emplace(endpoint, disk, FakeServerOptions{});
  });
  const auto client = connect(endpoint, {.timeout = 60s, .connect_timeout = 60s}, {});
  client->append("k", "v");
  CHECK(client->get("k") == "v");
  restarts.join();
}

TEST_CASE("a client gives up where every handshake is ended, long before its deadline") {
  const BrokenServer broken;
  std::thread server([&] {
    while (broken.end_handshake()) {
    }
  });
  CHECK_THROWS_AS((void)connect(broken.endpoint(), {.timeout = 1h, .connect_timeout = 1h}, {}), AuthError);
  broken.stop();
  server.join();
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

TEST_CASE("a server that lies about the size of a value is not believed") {
  Place place;
  const auto client = place.client();
  client->append("k", "value");
  place.server().misbehaviour.lies_about_size = true;
  CHECK_THROWS_AS((void)client->get("k"), NetworkError);
  place.server().misbehaviour.lies_about_size = false;
  CHECK(client->get("k") == "value");
}

TEST_CASE("a connection on which a ping is not answered is given up, and its calls go on over another") {
  Place place;
  const auto client = place.client({}, {.silence = 10ms, .ping = 10ms});
  place.server().misbehaviour.ignored_connections = 1;
  client->append("k", "x");
  CHECK(client->get("k") == "x");
  CHECK(place.server().greetings > 1);
}

TEST_CASE("a server that answers pings but acknowledges nothing is asked anew what it has applied") {
  Place place;
  const auto client = place.client({}, {.silence = 1ms, .no_progress = 50ms});
  place.server().misbehaviour.acks_to_lose = 1;
  client->append("k", "x");
  client->flush();
  CHECK(place.server().pings > 0);
  CHECK(place.server().greetings == 2);
  CHECK(client->get("k") == "x");
}

TEST_CASE("a client that is told to connect anew does so at once, and sends again what was not applied") {
  Place place;
  const auto client = place.client({.linger = 0us}, {.silence = 1h, .no_progress = 1h});
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    const std::string piece = std::to_string(i) + ";";
    if (i % 5 == 0) place.server().misbehaviour.resets = 1;
    client->append("k", piece);
    expected += piece;
  }
  CHECK(client->get("k") == expected);
  CHECK(place.server().greetings > 1);
}

TEST_CASE("a client has no more unacknowledged than the server's window") {
  constexpr std::uint64_t window = 5000;
  Place place({.window = window});
  auto client = place.client({.timeout = 100ms, .batch_bytes = 500}, {.no_progress = 1h});
  place.server().misbehaviour.acks_to_lose = 1 << 30;
  const auto append_all = [&] {
    for (int i = 0; i < 10'000; ++i) client->append("k", "0123456789");
  };
  CHECK_THROWS_AS(append_all(), TimeoutError);
  CHECK(place.server().append_bytes > window / 2);
  CHECK(place.server().append_bytes <= window);
}

TEST_CASE("a server that sends more parts than the client has asked for is not believed") {
  Place place({.part_bytes = 1});
  const auto client = place.client({.timeout = 200ms});
  client->append("k", std::string(100, 'x'));
  place.server().misbehaviour.ignores_credit = true;
  CHECK_THROWS_WITH_AS((void)client->get("k"), doctest::Contains("part"), NetworkError);
  place.server().misbehaviour.ignores_credit = false;
  CHECK(client->get("k") == std::string(100, 'x'));
}

TEST_CASE("opening where nothing answers ends after connect_timeout, and says where and what to do") {
  const ClientOptions options{.timeout = 1h, .connect_timeout = 50ms};
  CHECK_THROWS_WITH_AS((void)connect("tcp://127.0.0.1:1", options), doctest::Contains("'tcp://127.0.0.1:1'"),
                       NetworkError);
  Place place;
  place.server().misbehaviour.says_nothing = true;
  CHECK_THROWS_WITH_AS((void)place.client({.timeout = 200ms, .connect_timeout = 50ms}), doctest::Contains("200 ms"),
                       TimeoutError);
}

}  // namespace
}  // namespace accrete::test
