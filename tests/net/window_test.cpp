// Tests of what a client is made of: net/gathered_batch.cpp, send_window.cpp and reply_reader.cpp.
#include <doctest/doctest.h>
#include <map>

#include "base/bytes.hpp"
#include "net/gathered_batch.hpp"
#include "net/protocol.hpp"
#include "net/reply_reader.hpp"
#include "net/send_window.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

TEST_CASE("a gathered batch holds each key once, with all its bytes in their order") {
  Random random(1);
  GatheredBatch batch;
  for (int round = 0; round < 50; ++round) {
    std::map<std::string, std::string> expected;
    const std::size_t keys = 1 + random_below(random, 500);
    for (std::size_t i = 0; i < 1000; ++i) {
      const std::string key = "key" + std::to_string(random_below(random, keys));
      const std::string bytes = random_bytes(random, random_below(random, 30));
      const std::vector<Entry> entries = {{key, bytes}, {"common", bytes}};
      batch.add(entries);
      expected[key] += bytes;
      expected["common"] += bytes;
    }
    std::string message;
    batch.encode(7, message);
    CHECK(message.size() == batch.message_size());
    const wire::Request request = wire::decode_request(message);
    const auto& append = std::get<wire::Append>(request.body);
    CHECK(append.sequence == 7);
    REQUIRE(append.entries.size() == expected.size());
    for (const Entry& entry : append.entries) CHECK(expected.at(std::string(entry.key)) == entry.bytes);
    batch.clear(round % 2 == 0 ? 1 << 20 : 0);
    CHECK(batch.empty());
  }
}

constexpr std::uint64_t limit = 1'000'000;

void push(SendWindow& window, std::string_view bytes, std::shared_ptr<Outcome> outcome = nullptr) {
  const Entry entry{"k", bytes};
  GatheredBatch batch;
  batch.add({&entry, 1});
  const auto message = std::make_shared<std::string>();
  batch.encode(window.next_sequence(), *message);
  window.push(message, std::move(outcome), SendWindow::Kind::pipelined);
}

/// The sequences and bytes of what there is to send, all of which is then sent.
std::vector<std::pair<std::uint64_t, std::string>> send_all(SendWindow& window) {
  std::vector<std::pair<std::uint64_t, std::string>> sent;
  while (const SharedMessage message = window.next_to_send(limit)) {
    const wire::Request request = wire::decode_request(*message);
    const auto& append = std::get<wire::Append>(request.body);
    sent.emplace_back(append.sequence, append.entries.front().bytes);
    window.mark_sent();
  }
  return sent;
}

using Sent = std::vector<std::pair<std::uint64_t, std::string>>;

std::shared_ptr<Outcome> awaited() { return std::make_shared<Outcome>(Outcome{.waiters = 1}); }

const SavedError refusal = SavedError::of(DiskFullError("append to", "the disk", 28));

TEST_CASE("an acknowledgement covers all up to it, and none that was not sent") {
  SendWindow window;
  for (const char* bytes : {"a", "b", "c"}) push(window, bytes);
  CHECK_FALSE(window.acknowledge(1));
  CHECK(send_all(window) == Sent{{1, "a"}, {2, "b"}, {3, "c"}});
  CHECK(window.acknowledge(2));
  CHECK(window.acknowledge(1));
  CHECK(window.is_settled(2));
  CHECK_FALSE(window.is_settled(3));
  CHECK_FALSE(window.acknowledge(4));
  CHECK(window.acknowledge(3));
  CHECK(window.empty());
  CHECK(window.is_settled(3));
  CHECK_FALSE(window.is_settled(4));
}

TEST_CASE("a refused batch for which no call waits is sent again, with all after it") {
  SendWindow window;
  for (const char* bytes : {"a", "b", "c"}) push(window, bytes);
  (void)send_all(window);
  const auto refused = window.refuse(2, refusal);
  REQUIRE(refused.has_value());
  CHECK(refused->kept);
  CHECK_FALSE(refused->told);
  CHECK(window.acknowledged() == 1);
  CHECK(send_all(window) == Sent{{2, "b"}, {3, "c"}});
}

TEST_CASE("a batch that is refused for good is given up, though no call waits for it, and those after it move up") {
  SendWindow window;
  for (const char* bytes : {"a", "b", "c"}) push(window, bytes);
  (void)send_all(window);
  const auto refused = window.refuse(2, SavedError::of(CorruptionError("damaged")));
  REQUIRE(refused.has_value());
  CHECK_FALSE(refused->kept);
  CHECK_FALSE(refused->told);
  CHECK(send_all(window) == Sent{{2, "c"}});
}

/// "a", "b" and "c", all sent; a call waits for "b".
std::shared_ptr<Outcome> send_three(SendWindow& window) {
  auto outcome = awaited();
  push(window, "a");
  push(window, "b", outcome);
  push(window, "c");
  (void)send_all(window);
  return outcome;
}

TEST_CASE("a refused batch for which a call waits is given up, and those after it move up") {
  SendWindow window;
  const auto outcome = send_three(window);
  const auto refused = window.refuse(2, refusal);
  REQUIRE(refused.has_value());
  CHECK_FALSE(refused->kept);
  CHECK(refused->told);
  CHECK(outcome->done);
  CHECK(outcome->error.has_value());
  CHECK(send_all(window) == Sent{{2, "c"}});
  CHECK(window.next_sequence() == 3);
}

TEST_CASE("calls that wait after a refused batch that is kept get its error, and theirs are given up") {
  SendWindow window;
  const auto outcome = send_three(window);
  const auto refused = window.refuse(1, refusal);
  REQUIRE(refused.has_value());
  CHECK(refused->kept);
  CHECK(refused->told);
  CHECK(outcome->error.has_value());
  CHECK(send_all(window) == Sent{{1, "a"}, {2, "c"}});
}

TEST_CASE("a refusal of what is not in flight changes nothing") {
  SendWindow window;
  push(window, "a");
  CHECK_FALSE(window.refuse(1, refusal).has_value());
  (void)send_all(window);
  CHECK(window.acknowledge(1));
  CHECK_FALSE(window.refuse(1, refusal).has_value());
  CHECK_FALSE(window.refuse(2, refusal).has_value());
}

TEST_CASE("a batch of which a call was told that its outcome is open ends with a refusal, wherever it stands") {
  for (const bool is_first : {true, false}) {
    CAPTURE(is_first);
    SendWindow window;
    if (!is_first) push(window, "returned");
    const std::uint64_t told = window.next_ticket();
    push(window, "told", std::make_shared<Outcome>());
    const auto again = awaited();
    push(window, "told", again);
    CHECK_FALSE(send_all(window).empty());
    window.mark_told(told);
    const auto refused = window.refuse(1, refusal);
    REQUIRE(refused.has_value());
    CHECK(refused->kept == !is_first);
    CHECK(again->done == !is_first);
    CHECK(send_all(window) == (is_first ? Sent{{1, "told"}} : Sent{{1, "returned"}}));
  }
}

TEST_CASE("over a new connection all is sent again that the server has not applied") {
  SendWindow window;
  for (const char* bytes : {"a", "b", "c"}) push(window, bytes);
  (void)send_all(window);
  CHECK_FALSE(window.restart(4));
  CHECK(window.restart(1));
  CHECK(send_all(window) == Sent{{2, "b"}, {3, "c"}});
}

TEST_CASE("a server that has forgotten the session gets what is left under the numbers that it expects") {
  SendWindow window;
  for (const char* bytes : {"a", "b", "c"}) push(window, bytes);
  (void)send_all(window);
  CHECK(window.acknowledge(2));
  CHECK(window.restart(0));
  push(window, "d");
  CHECK(send_all(window) == Sent{{1, "c"}, {2, "d"}});
  CHECK(window.acknowledged_count() == 2);
}

TEST_CASE("no more than the limit is in flight, but for one batch alone") {
  SendWindow window;
  for (int i = 0; i < 3; ++i) push(window, std::string(1000, 'x'));
  CHECK(window.next_to_send(1500) != nullptr);
  window.mark_sent();
  CHECK(window.next_to_send(1500) == nullptr);
  CHECK(window.next_to_send(2500) != nullptr);
  CHECK_FALSE(window.has_room(1, 2500));
  CHECK(window.acknowledge(1));
  CHECK(window.next_to_send(10) != nullptr);
}

std::vector<std::string> read_values(std::string_view bytes, std::size_t part_size, std::size_t count) {
  ValuesReader reader(count);
  for (int round = 0; round < 2; ++round) {
    reader.restart();
    for (std::size_t at = 0; at < bytes.size(); at += part_size) reader.add(bytes.substr(at, part_size));
  }
  return reader.values();
}

TEST_CASE("values are put together wherever they are cut, and refused when they are not what was asked for") {
  const std::vector<std::string> values = {"", "value", std::string(100, 'x'), ""};
  const std::string bytes = wire::encode_values(values);
  for (std::size_t part_size = 1; part_size <= bytes.size(); ++part_size) {
    CHECK(read_values(bytes, part_size, values.size()) == values);
    CHECK_THROWS_AS(read_values(bytes, part_size, values.size() + 1), NetworkError);
    CHECK_THROWS_AS(read_values(bytes + "x", part_size, values.size()), NetworkError);
    CHECK_THROWS_AS(read_values(bytes.substr(0, part_size - 1), part_size, values.size()), NetworkError);
  }
}

TEST_CASE("a range that is longer than was asked for is refused") {
  BytesReader reader(3);
  reader.add("abc");
  CHECK_THROWS_AS(reader.add("d"), NetworkError);
}

}  // namespace
}  // namespace accrete::test
