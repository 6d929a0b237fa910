// Clients of a served dataset on its host, which read large values from its files.
#include <accrete/accrete.hpp>
#include <atomic>
#include <doctest/doctest.h>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.hpp"
#include "net/client.hpp"
#include "server/running_server.hpp"
#include "support/campaign.hpp"
#include "support/direct_reader.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

/// A served dataset, and Stores as `open` makes them of its path.
class Place {
 public:
  explicit Place(std::uint64_t memory_bytes = std::uint64_t{1} << 30) {
    create(path());
    server_.emplace(path(), RunningServerOptions{.endpoint = endpoint(),
                                                 .buffer_bytes = 4 * mebibyte,
                                                 .max_message_bytes = mebibyte,
                                                 .memory_bytes = memory_bytes});
  }
  [[nodiscard]] std::unique_ptr<Store> by_path() const {
    return connect(endpoint(), {}, {}, try_open_directly(posix_env(), path()));
  }
  [[nodiscard]] std::unique_ptr<Store> by_endpoint() const { return connect(endpoint()); }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }
  [[nodiscard]] std::string endpoint() const { return "ipc://" + path() + "/.socket"; }

  TemporaryDirectory directory_;
  std::optional<RunningServer> server_;
};

TEST_CASE(
    "a value that is more than the server keeps for replies is read from its file, and what is gathered after it") {
  const Place place(8 * mebibyte);
  const auto store = place.by_path();
  std::string expected;
  for (char letter = 'a'; letter < 'i'; ++letter) {
    store->append("k", std::string(mebibyte / 2, letter));
    expected.append(mebibyte / 2, letter);
  }
  store->flush();
  CHECK(store->get("k") == expected);
  store->append("k", "and more");
  expected += "and more";
  CHECK(store->get("k") == expected);
  CHECK_THROWS_AS((void)place.by_endpoint()->get("k"), TooLargeError);

  store->append("small", "value");
  const std::vector<std::string_view> keys = {"small", "none", "k", "k"};
  CHECK(store->get_batch(keys) == std::vector<std::string>{"value", "", expected, expected});
  store->erase("k");
  CHECK(store->get("k").empty());
}

/// A piece of a value: which value of its key it is of, and which piece of it.
std::string make_piece(std::uint64_t generation, std::uint64_t number) {
  constexpr std::size_t piece_size = 8192;
  std::string piece;
  append_le(piece, generation);
  append_le(piece, number);
  piece.resize(piece_size, static_cast<char>('a' + generation % 26));
  return piece;
}

/// The pieces from the first on, of one value.
void check_whole(const std::string& value) {
  if (value.empty()) return;
  const auto generation = ByteReader(value).integer<std::uint64_t>();
  std::string expected;
  for (std::uint64_t number = 0; expected.size() < value.size(); ++number) expected += make_piece(generation, number);
  require(value == expected, "a value is of one generation, and whole");
}

TEST_CASE("values are those of one moment while they are appended to, erased and begun anew") {
  const Place place;
  constexpr std::string_view keys[] = {"a", "b", "c"};
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    const auto store = place.by_path();
    for (std::uint64_t generation = 0; !stop; ++generation) {
      const std::string_view key = keys[generation % std::size(keys)];
      store->erase(key);
      for (std::uint64_t number = 0; number < 10 + generation % 30; ++number)
        store->append(key, make_piece(generation, number));
      if (generation % 3 == 0) store->flush();
    }
  });
  // Steps over so many keys that their intents are spilled.
  std::thread wide_writer([&] {
    const auto store = place.by_path();
    std::vector<std::string> names;
    for (int i = 0; i < 8000; ++i) names.push_back("wide" + std::to_string(i));
    std::vector<Entry> entries;
    for (const std::string& name : names) entries.push_back({name, "bytes"});
    while (!stop) {
      store->append_batch(entries);
      store->flush();
    }
  });
  const auto store = place.by_path();
  const auto read = [&] {
    std::size_t large = 0;
    for (int i = 0; i < campaign_steps(750) || large == 0; ++i) {
      for (const std::string& value : store->get_batch(keys)) {
        check_whole(value);
        large += value.size() >= std::size_t{64} << 10 ? 1 : 0;
      }
    }
  };
  std::thread reader(read);
  read();
  reader.join();
  stop = true;
  writer.join();
  wide_writer.join();
}

}  // namespace
}  // namespace accrete::test
