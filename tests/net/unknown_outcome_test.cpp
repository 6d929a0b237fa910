// Tests of what a client says of a batch when it does not learn what became of it, and of sending it again.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/fake_place.hpp"
#include "support/model.hpp"

namespace accrete::test {
namespace {

using namespace std::chrono_literals;

constexpr int for_ever = std::numeric_limits<int>::max();
constexpr Patience patient{.silence = 1h, .ping = 1h, .no_progress = 1h};

void append(Store& store, std::string_view bytes, const AppendOptions& options = {}) {
  const Entry entry{"k", bytes};
  store.append_batch({&entry, 1}, options);
}

/// Appends what the server takes or does not take, but never answers.
BatchId id_of_unknown(Store& store, std::string_view bytes, const AppendOptions& options = {}) {
  try {
    append(store, bytes, options);
  } catch (const UnknownOutcomeError& error) {
    REQUIRE(error.batch().has_value());
    return *error.batch();
  }
  FAIL("the append returned");
  return {};
}

/// As often as it takes.
void send_again(Store& store, std::string_view bytes, const AppendOptions& options) {
  for (;;) {
    try {
      return append(store, bytes, options);
    } catch (const TimeoutError&) {
    } catch (const UnknownOutcomeError&) {
    }
  }
}

const std::vector<AppendOptions> ways_to_wait = {
    {}, {.sync = true}, {.expect_size = 0}, {.id = BatchId{.writer = writer_id(1), .sequence = 7}}};

TEST_CASE("a batch that the server applied and did not acknowledge is applied once, however often it is sent again") {
  for (const AppendOptions& options : ways_to_wait) {
    for (const bool through_another : {false, true}) {
      CAPTURE(through_another);
      Place place;
      const auto client = place.client({.timeout = 300ms, .ack = Acknowledgement::each}, {.no_progress = 500ms});
      place.server().misbehaviour.acks_to_lose = for_ever;
      const BatchId id = id_of_unknown(*client, "x", options);
      while (place.value("k").empty()) std::this_thread::sleep_for(10ms);  // a slow server may be at it yet
      CHECK(place.value("k") == "x");
      if (options.id) CHECK((id.writer == options.id->writer && id.sequence == options.id->sequence));
      place.server().misbehaviour.acks_to_lose = 0;
      const auto another = place.client({.ack = Acknowledgement::each});
      Store& store = through_another ? *another : *client;
      for (int i = 0; i < 3; ++i) send_again(store, "x", {.sync = options.sync, .id = id});
      CHECK(store.get("k") == "x");
      append(store, "y");
      CHECK(store.get("k") == "xy");
    }
  }
}

TEST_CASE("an append that is interrupted after it was sent says so, and before it was sent is not applied") {
  Place place;
  const auto client = place.client({.ack = Acknowledgement::each}, patient);
  place.server().misbehaviour.acks_to_lose = for_ever;
  BatchId id;
  {
    const Interruptible interruptible([] { return true; });
    id = id_of_unknown(*client, "x");
  }
  place.server().misbehaviour.acks_to_lose = 0;
  send_again(*client, "x", {.id = id});
  CHECK(client->get("k") == "x");
  place.stop();
  {
    const Interruptible interruptible([] { return true; });
    CHECK_THROWS_AS(append(*client, "y"), InterruptedError);
    CHECK_THROWS_AS((void)client->get("k"), InterruptedError);
    CHECK_THROWS_AS(client->flush(), InterruptedError);
    CHECK_THROWS_AS(client->erase("k"), InterruptedError);
  }
  place.start();
  CHECK(client->get("k") == "x");
}

TEST_CASE("a batch that the server has not applied is applied once when it is sent again") {
  for (const AppendOptions& options : ways_to_wait) {
    for (const bool through_another : {false, true}) {
      CAPTURE(through_another);
      Place place;
      auto client = place.client({.timeout = 300ms, .ack = Acknowledgement::each}, patient);
      place.server().misbehaviour.says_nothing = true;
      const BatchId id = id_of_unknown(*client, "x", options);
      CHECK(place.value("k").empty());
      if (through_another) client.reset();
      place.stop();
      place.start();
      const auto another = place.client({.ack = Acknowledgement::each});
      Store& store = through_another ? *another : *client;
      for (int i = 0; i < 3; ++i) append(store, "x", {.id = id});
      CHECK(store.get("k") == "x");
    }
  }
}

TEST_CASE("batches of several threads whose outcome is open can be sent again in any order") {
  Place place;
  const auto client = place.client({.timeout = 300ms, .ack = Acknowledgement::each}, patient);
  place.server().misbehaviour.says_nothing = true;
  constexpr int count = 8;
  std::vector<std::optional<BatchId>> ids(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        append(*client, std::to_string(i));
      } catch (const UnknownOutcomeError& error) {
        ids[static_cast<std::size_t>(i)] = error.batch();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  place.stop();
  place.start();
  const auto another = place.client({.ack = Acknowledgement::each});
  for (int round = 0; round < 2; ++round) {
    for (int i = count - 1; i >= 0; --i) {
      REQUIRE(ids[static_cast<std::size_t>(i)].has_value());
      append(*another, std::to_string(i), {.id = ids[static_cast<std::size_t>(i)]});
    }
  }
  std::string value = another->get("k");
  std::sort(value.begin(), value.end());
  CHECK(value == "01234567");
}

TEST_CASE("a batch that is sent again and refused is not applied later by what was sent first") {
  Place place;
  const auto client = place.client({.timeout = 300ms, .ack = Acknowledgement::each}, {.no_progress = 500ms});
  place.server().misbehaviour.says_nothing = true;
  const BatchId id = id_of_unknown(*client, "x");
  place.server().misbehaviour.is_full = true;
  place.server().misbehaviour.says_nothing = false;
  for (bool was_refused = false; !was_refused;) {
    try {
      append(*client, "x", {.id = id});
    } catch (const DiskFullError&) {
      was_refused = true;
    } catch (const UnknownOutcomeError&) {
    }
  }
  place.server().misbehaviour.is_full = false;
  append(*client, "y");
  CHECK(client->get("k") == "y");
}

TEST_CASE("a batch that was not sent is taken back, and is not applied later") {
  Place place;
  const auto client = place.client({.timeout = 100ms, .ack = Acknowledgement::each});
  place.stop();
  CHECK_THROWS_AS(append(*client, "x"), NetworkError);
  CHECK_THROWS_AS(append(*client, "x", {.sync = true}), NetworkError);
  place.start();
  const auto other = place.client();
  while (true) {
    try {
      append(*client, "y");
      break;
    } catch (const NetworkError&) {
      // it has not connected again yet
    }
  }
  CHECK(other->get("k") == "y");
}

TEST_CASE("a batch that waits for room in the window is not sent: TimeoutError") {
  Place place({.window = 3000});
  const auto client = place.client({.timeout = 200ms, .ack = Acknowledgement::each}, patient);
  place.server().misbehaviour.acks_to_lose = for_ever;
  const std::string large(2000, 'l');
  const BatchId id = id_of_unknown(*client, large);
  CHECK_THROWS_AS(append(*client, large), TimeoutError);
  place.server().misbehaviour.acks_to_lose = 0;
  const auto another = place.client();
  append(*another, large, {.id = id});
  CHECK(another->get("k") == large);
}

TEST_CASE("a client uses one id of its own after the other, and names it when it says goodbye") {
  Place place;
  {
    const auto client = place.client({.ack = Acknowledgement::each});
    for (int i = 0; i < 100; ++i) append(*client, "x");
  }
  wait_until([&] { return place.server().goodbyes == 1; });
  CHECK(place.server().writers_ended == 1);
}

TEST_CASE("an id whose outcome is open is not named in the goodbye, until it is settled") {
  for (const bool is_settled : {false, true}) {
    CAPTURE(is_settled);
    Place place;
    {
      const auto client = place.client({.timeout = 200ms, .ack = Acknowledgement::each}, patient);
      place.server().misbehaviour.acks_to_lose = for_ever;
      const BatchId id = id_of_unknown(*client, "x");
      place.server().misbehaviour.acks_to_lose = 0;
      if (is_settled) append(*client, "x", {.id = id});
    }
    wait_until([&] { return place.server().goodbyes == 1; });
    CHECK(place.server().writers_ended == (is_settled ? 1 : 0));
  }
}

/// A server that has applied what it was sent and said nothing of it goes, and another one comes.
void lose_session(Place& place, bool is_forgotten) {
  wait_until([&] { return place.value("k") == "1;2;"; });
  place.stop();
  if (is_forgotten) place.disk.applied.clear();
  if (is_forgotten) ++place.disk.forgotten;
  place.start();
}

TEST_CASE("what was sent to a server that has forgotten the session is not sent again, and who waits is told") {
  for (const bool was_acknowledged : {false, true}) {
    CAPTURE(was_acknowledged);
    Place place;
    const auto client = place.client({.ack = Acknowledgement::each}, patient);
    if (!was_acknowledged) place.server().misbehaviour.acks_to_lose = for_ever;
    std::thread waiting;
    if (was_acknowledged) {
      append(*client, "1;");
      place.server().misbehaviour.acks_to_lose = for_ever;
      waiting = std::thread([&] { (void)id_of_unknown(*client, "2;"); });
    } else {
      waiting = std::thread([&] { (void)id_of_unknown(*client, "1;2;"); });
    }
    lose_session(place, true);
    waiting.join();
    if (was_acknowledged) CHECK_THROWS_WITH_AS(append(*client, "x"), doctest::Contains("kept"), NetworkError);
    append(*client, "3;");
    CHECK(client->get("k") == "1;2;3;");
  }
}

TEST_CASE("a server that does not know the session, and has forgotten none, has applied nothing of it") {
  Place place;
  const auto client = place.client({.ack = Acknowledgement::each}, patient);
  place.server().misbehaviour.says_nothing = true;
  std::thread waiting([&] { append(*client, "1;"); });
  wait_until([&] { return place.server().unanswered > 0; });
  place.stop();
  place.start();
  waiting.join();
  CHECK(client->get("k") == "1;");
}

/// What the closing of a client tells.
std::vector<std::string> told_when_closed(Place& place, const std::function<void(Store&)>& use) {
  std::vector<std::string> told;
  {
    const auto client = connect(place.endpoint(), {.timeout = 200ms}, {}, nullptr,
                                [&](std::string_view what) { told.emplace_back(what); });
    use(*client);
  }
  return told;
}

TEST_CASE("a client that is closed tells of appends that the server has not acknowledged, and of no others") {
  Place place;
  CHECK(told_when_closed(place, [](Store& store) { store.append("k", "x"); }).empty());
  const auto lost = told_when_closed(place, [&](Store& store) {
    place.server().misbehaviour.says_nothing = true;
    store.append("k", "lost");
  });
  REQUIRE(lost.size() == 1);
  CHECK(lost.front().find(place.endpoint()) != std::string::npos);
  place.server().misbehaviour.says_nothing = false;
  const auto unreachable = told_when_closed(place, [&](Store& store) {
    store.flush();
    place.stop();
    store.append("k", "lost");
  });
  CHECK(unreachable.size() == 1);
  place.start();
}

TEST_CASE("appends that nobody waits for and that a server may have forgotten are told of, and not sent again") {
  Place place;
  const auto told = told_when_closed(place, [&](Store& store) {
    place.server().misbehaviour.acks_to_lose = for_ever;
    store.append("k", "1;2;");
    lose_session(place, true);
    wait_until([&] { return place.server().greetings > 0; });
  });
  REQUIRE(told.size() == 1);
  CHECK(told.front().find("may have been applied") != std::string::npos);
  CHECK(place.value("k") == "1;2;");
  const auto not_forgotten = told_when_closed(place, [&](Store& store) {
    place.stop();
    place.disk = FakeDisk{};
    place.start();
    place.server().misbehaviour.acks_to_lose = for_ever;
    store.append("k", "1;2;");
    lose_session(place, false);
  });
  CHECK(not_forgotten.empty());
  CHECK(place.value("k") == "1;2;");
}

TEST_CASE("a client that is closed tells of appends that were refused and of which no call has told") {
  Place place;
  for (const bool for_good : {false, true}) {
    CAPTURE(for_good);
    place.server().misbehaviour.is_damaged = for_good;
    place.server().misbehaviour.is_full = !for_good;
    const auto told = told_when_closed(place, [](Store& store) { store.append("k", "x"); });
    REQUIRE(told.size() == 1);
    CHECK(told.front().find(for_good ? "damaged" : "space") != std::string::npos);
    CHECK(told_when_closed(place, [](Store& store) {
            try {
              store.append_batch({}, {.sync = true, .id = BatchId{.writer = writer_id(9), .sequence = 1}});
            } catch (const Error&) {
              // told
            }
          }).empty());
  }
}

}  // namespace
}  // namespace accrete::test
