// The router against plain ZeroMQ peers' addresses: what can be bound, and what the errors say.
#include "net/router.hpp"

#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "net/curve.hpp"
#include "net/dealer.hpp"
#include "net/endpoint.hpp"
#include "os/local_socket.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

std::string bind_error(const std::string& endpoint) {
  Router router;
  try {
    (void)router.bind(endpoint);
  } catch (const NetworkError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("a free port becomes a real one") {
  Router router;
  const std::string endpoint = router.bind("tcp://127.0.0.1:*");
  CHECK(endpoint.starts_with("tcp://127.0.0.1:"));
  CHECK(endpoint.find('*') == std::string::npos);
}

TEST_CASE("a connection whose key is not known, or that has none, is told of with the reason") {
  const KeyPair server = make_key_pair();
  const KeyPair stranger = make_key_pair();
  const auto reason_for = [&](const ClientOptions& options) {
    // One each: a dealer tries again, also while the next one does.
    Router router({.curve = ServerCurve{.keys = server, .allowed_clients = std::vector<std::string>{}}});
    const std::string endpoint = router.bind("tcp://127.0.0.1:*");
    Dealer dealer(endpoint, options);
    dealer.open();
    for (;;) {
      router.poll({}, std::chrono::milliseconds{10});
      if (const Router::Refusals refusals = router.take_refusals(); refusals.count > 0) return refusals.last_reason;
    }
  };
  const std::string reason = reason_for({.server_key = server.public_key, .keys = stranger});
  CHECK(contains(reason, "its key " + stranger.public_key + " is not on the list"));
  const std::string without_key = reason_for({});
  CAPTURE(without_key);
  const bool is_told = contains(without_key, "does not use CURVE") || contains(without_key, "ended the handshake");
  CHECK(is_told);  // whichever side sees first that the other one speaks otherwise
  CHECK(contains(reason_for({.server_key = stranger.public_key, .keys = stranger}), "another key for this server"));
}

TEST_CASE("a new list of allowed clients says what it changes, keys that stand in it twice as one") {
  const std::string a = make_key_pair().public_key;
  const std::string b = make_key_pair().public_key;
  const std::string c = make_key_pair().public_key;
  Router router({.curve = ServerCurve{.keys = make_key_pair(), .allowed_clients = std::vector{a, b}}});
  const KeyListChange change = router.allow_clients({b, c, c});
  CHECK(change.keys == 2);
  CHECK(change.added == 1);
  CHECK(change.removed == 1);
  CHECK(router.allow_clients({c}).added == 0);
}

TEST_CASE("what has no port, or another text in its place, is no endpoint") {
  for (const char* text : {"tcp://host", "tcp://host:", "tcp://:5555", "tcp://[::1]", "tcp://host:-1", "tcp://host:1e3",
                           "tcp://host:0x10", "tcp://host: 5", "tcp://host:65536", "tcp://host:http"}) {
    CAPTURE(text);
    CHECK_FALSE(is_endpoint(text));
  }
  for (const char* text : {"tcp://host:0", "tcp://host:65535", "tcp://*:*", "tcp://[::1]:5555", "ipc://a:b"}) {
    CAPTURE(text);
    CHECK(is_endpoint(text));
  }
}

TEST_CASE("an endpoint that is in use is refused and named") {
  Router first;
  const std::string endpoint = first.bind("tcp://127.0.0.1:*");
  const std::string error = bind_error(endpoint);
  CHECK(contains(error, "cannot bind '" + endpoint + "': Address already in use"));
}

TEST_CASE("a socket at which another program listens is refused, and one that was left behind is replaced") {
  const TemporaryDirectory directory;
  const std::string endpoint = "ipc://" + directory / "socket";
  {
    Router first;
    (void)first.bind(endpoint);
    CHECK(contains(bind_error(endpoint), "cannot bind '" + endpoint + "': Address already in use"));
    std::filesystem::rename(directory / "socket", directory / "left");
  }
  std::filesystem::rename(directory / "left", directory / "socket");
  CHECK(look_at_local_socket(directory / "socket") == LocalSocket::stale);
  CHECK(bind_error(endpoint).empty());
}

TEST_CASE("a file is not replaced by a socket") {
  const TemporaryDirectory directory;
  write_file(directory / "file", "precious");
  CHECK(contains(bind_error("ipc://" + directory / "file"), "no socket"));
  CHECK(read_file(directory / "file") == "precious");
}

TEST_CASE("a socket in a missing directory is refused") {
  const TemporaryDirectory directory;
  CHECK(contains(bind_error("ipc://" + directory / "no/socket"), "No such file or directory; make the directory"));
}

TEST_CASE("a path too long for a socket is refused") {
  CHECK(contains(bind_error("ipc:///tmp/" + std::string(120, 'x')), "107 bytes"));
}

TEST_CASE("an address of another host cannot be bound") {
  CHECK(contains(bind_error("tcp://192.0.2.1:5555"), "name an address of this host"));
}

TEST_CASE("what is no endpoint is an invalid argument") {
  Router router;
  for (const char* text : {"", "tcp", "tcp://", "ipc://", "inproc://a", "/tmp/socket", "udp://127.0.0.1:1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS((void)router.bind(text), InvalidArgumentError);
  }
}

TEST_CASE("sending to nobody says that it is gone") {
  Router router;
  (void)router.bind("tcp://127.0.0.1:*");
  CHECK(router.try_send({0, "nobody"}, "bytes") == SendResult::gone);
}

TEST_CASE("only loopback addresses and sockets in the file system are local") {
  for (const char* local :
       {"ipc:///a", "tcp://127.0.0.1:1", "tcp://127.1.2.3:*", "tcp://localhost:1", "tcp://[::1]:1"}) {
    CAPTURE(local);
    CHECK(is_local(local));
  }
  for (const char* open : {"tcp://*:1", "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://127.example.org:1", "tcp://eth0:1"}) {
    CAPTURE(open);
    CHECK_FALSE(is_local(open));
  }
}

}  // namespace
}  // namespace accrete::test
