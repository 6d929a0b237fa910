// How large a batch may be, and who heeds it.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "net/client.hpp"
#include "server/running_server.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// A server that takes a mebibyte in one message.
class Place {
 public:
  Place() {
    create(path());
    server_.emplace(path(), RunningServerOptions{.endpoint = endpoint(), .max_message_bytes = mebibyte});
  }
  [[nodiscard]] std::unique_ptr<Store> client() const { return connect(endpoint()); }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }
  [[nodiscard]] std::string endpoint() const { return "ipc://" + path() + "/.socket"; }

  TemporaryDirectory directory_;
  std::optional<RunningServer> server_;
};

/// As many entries of one byte, each of a key of its own, as a batch of so many bytes holds.
std::vector<std::string> small_keys(std::uint64_t batch_bytes) {
  std::vector<std::string> keys;
  std::string key = "key-000000";
  for (std::uint64_t bytes = 0;; keys.push_back(key)) {
    key = std::to_string(1'000'000 + keys.size());
    bytes += key.size() + 1 + entry_overhead;
    if (bytes > batch_bytes) return keys;
  }
}

void append_largest_batches(Store& store) {
  const std::uint64_t limit = store.max_batch_bytes();
  const std::string large(static_cast<std::size_t>(limit - 1 - entry_overhead), 'x');
  store.append("k", large);
  const Entry entry{"k", large};
  store.append_batch({&entry, 1}, {.sync = true, .id = BatchId{.writer = {}, .sequence = 1}});
  const std::vector<std::string> keys = small_keys(limit);
  std::vector<Entry> entries;
  for (const std::string& key : keys) entries.push_back({.key = key, .bytes = "y"});
  store.append_batch(entries);
  store.flush();
  CHECK(store.get("k") == large + large);
  CHECK(store.stats().keys == 1 + keys.size());
}

TEST_CASE("nothing limits a batch where there is no message") {
  constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
  CHECK(memory_store()->max_batch_bytes() == unlimited);
  CHECK(buffered(compressed(memory_store()))->max_batch_bytes() == unlimited);
}

TEST_CASE("a client's batch may be as large as the server's messages") {
  const Place place;
  const auto store = place.client();
  CHECK(store->max_batch_bytes() > mebibyte - 200);
  append_largest_batches(*store);
  CHECK_THROWS_AS(store->append("k", std::string(mebibyte, 'x')), TooLargeError);
}

TEST_CASE("the largest batches fit once they are compressed") {
  const Place place;
  append_largest_batches(*compressed(place.client(), parse_codec("stored")));
}

TEST_CASE("a buffer over a client hands down what fits, of one key as of many") {
  const Place place;
  const auto store = buffered(place.client(), {.limit_bytes = 64 * mebibyte});
  std::string expected;
  for (char letter = 'a'; letter < 'h'; ++letter) {
    for (int i = 0; i < 100; ++i) store->append("k", std::string(10'000, letter));
    expected.append(1'000'000, letter);
  }
  for (int i = 0; i < 300; ++i) store->append("key " + std::to_string(i), std::string(10'000, 'z'));
  store->flush();
  CHECK(store->get("k") == expected);
  CHECK(store->stats().buffered_bytes == 0);
  CHECK(store->stats().bytes == 10'000'000);
}

}  // namespace
}  // namespace accrete::test
