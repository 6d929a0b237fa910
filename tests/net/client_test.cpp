// Tests of net/client.cpp and what it is made of: what a client does with a server that keeps to the protocol.
#include "net/client.hpp"

#include <cerrno>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <thread>

#include "net/curve.hpp"
#include "net/fake_place.hpp"
#include "support/model.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

using namespace std::chrono_literals;

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

TEST_CASE("a client goes on with its server when another directory becomes the current one") {
  namespace fs = std::filesystem;
  Place place;
  Place other;
  const auto directory_of = [](const Place& any) { return fs::path(any.endpoint().substr(6)).parent_path(); };
  const fs::path before = fs::current_path();
  fs::current_path(directory_of(place));
  const std::unique_ptr<Store> client = connect("ipc://socket");
  client->append("k", "1");
  client->flush();
  fs::current_path(directory_of(other));
  place.stop();
  place.start();
  client->append("k", "2");
  client->flush();
  fs::current_path(before);
  CHECK(place.value("k") == "12");
  CHECK(other.value("k").empty());
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

TEST_CASE("while the disk is full, what waits after a refused append is neither lost nor doubled") {
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

TEST_CASE("an append that is refused for good is told once, by whichever call is next, and not sent again") {
  const auto tell = [](const std::function<void(Store&)>& call, bool at_once = true) {
    Place place;
    const auto client = place.client({.linger = 0us});
    client->append("k", "1;");
    client->flush();
    place.server().misbehaviour.is_damaged = true;
    client->append("k", "lost;");
    if (!at_once) {
      wait_until([&] { return place.server().refusals == 1; });
      place.server().misbehaviour.is_damaged = false;
    }
    CHECK_THROWS_WITH_AS(call(*client), doctest::Contains("is given up"), CorruptionError);
    place.server().misbehaviour.is_damaged = false;
    client->append("k", "2;");
    client->flush();
    CHECK(client->get("k") == "1;2;");
    CHECK(place.server().refusals == 1);
  };
  tell([](Store& store) { store.flush(); });
  tell([](Store& store) { store.sync(); });
  tell([](Store& store) { (void)store.get("k"); });
  // Appends that follow the first one would be refused, too, if the server still did so.
  const auto append_until_told = [](Store& store) {
    for (;;) store.append("none", "");
  };
  tell(append_until_told, false);
}

TEST_CASE("that appends are lost is told, whatever is refused for now after them") {
  Place place;
  const auto client = place.client({.linger = 0us});
  place.server().misbehaviour.is_damaged = true;
  client->append("k", "lost");
  wait_until([&] { return place.server().refusals == 1; });
  place.server().misbehaviour.is_damaged = false;
  place.server().misbehaviour.is_full = true;
  bool is_told = false;
  while (!is_told) {
    try {
      client->append("other", "x");
      wait_until([&] { return place.server().refusals > 1; });
    } catch (const CorruptionError&) {
      is_told = true;
    } catch (const DiskFullError&) {
    }
  }
  place.server().misbehaviour.is_full = false;
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

TEST_CASE("a list that comes in pages is put together within its limit") {
  Place place({.keys_a_page = 3});
  const auto client = place.client();
  std::vector<KeySize> all;
  for (char name = 'a'; name <= 'k'; ++name) {
    client->append({&name, 1}, "x");
    all.push_back({std::string(1, name), 1});
  }
  CHECK(client->list() == all);
  for (std::size_t limit = 0; limit <= all.size() + 1; ++limit) {
    const std::size_t count = std::min(limit, all.size());
    CHECK(client->list({.limit = limit}) == std::vector<KeySize>(all.begin(), all.begin() + static_cast<long>(count)));
  }
  CHECK(client->list({.after = "b"}) == std::vector<KeySize>(all.begin() + 2, all.end()));
  CHECK(client->list({.prefix = "c"}) == std::vector<KeySize>{{"c", 1}});
  place.server().misbehaviour.repeats_page = true;
  CHECK_THROWS_AS((void)client->list(), NetworkError);
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
