// Ranges of one compressed value, read while others append to it and erase it: each is one that the value had.
#include <accrete/accrete.hpp>
#include <atomic>
#include <doctest/doctest.h>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "support/campaign.hpp"
#include "support/child.hpp"
#include "support/random_bytes.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

// A value is cells, which tell where they stand and which generation of the value they are of: the n-th begins with the
// n-th erase. Half of a cell can be compressed.
//   cell = generation:u32 number:u32 hash:u64
constexpr std::size_t cell_size = 4 + 4 + 8;
constexpr std::uint32_t appends = 10;
constexpr int max_generations = 60;

/// Of an append; differs from one generation to the next, so that pieces begin elsewhere.
std::uint32_t cells_of(std::uint32_t generation) { return 1000 + generation % 7 * 200; }

std::string cell(std::uint32_t generation, std::uint32_t number) {
  std::string bytes;
  append_le(bytes, generation);
  append_le(bytes, number);
  append_le(bytes, hash64(bytes));
  return bytes;
}

constexpr std::size_t largest_value = std::size_t{appends} * 2200 * cell_size;
static_assert(largest_value > 300'000, "it is read in steps");

void change(Store& store, const std::string& key) {
  const auto generations = static_cast<std::uint32_t>(campaign_steps(max_generations));
  for (std::uint32_t generation = 0; generation < generations; ++generation) {
    store.erase(key);
    for (std::uint32_t i = 0; i < appends; ++i) {
      std::string piece;
      const std::uint32_t cells = cells_of(generation);
      for (std::uint32_t number = i * cells; number < (i + 1) * cells; ++number) piece += cell(generation, number);
      store.append(key, piece);
    }
  }
}

/// Reads one value, and remembers how far it had come.
class Reader {
 public:
  explicit Reader(std::uint64_t seed) : random_(seed) {}

  void read(const Store& store, const std::string& key) {
    const std::size_t first = random_below(random_, largest_value / cell_size);
    const std::size_t cells = 1 + random_below(random_, 4000);
    const std::string range = store.get_range(key, first * cell_size, cells * cell_size);
    if (!range.empty()) check(range, first, cells);
    check_size(store.size(key).value_or(0));
    for (const KeySize& listed : store.list({.prefix = key})) check_size(listed.size);
  }

  void require_meaning() const {
    require(far_ > 0, "some ranges began after what is read at once");
    require(seen_ > 1, "the value was erased meanwhile");
  }

 private:
  void check(const std::string& range, std::size_t first, std::size_t cells) {
    require(range.size() % cell_size == 0, "a range ends with a cell");
    ByteReader front(range);
    const auto generation = front.integer<std::uint32_t>();
    require(generation >= last_, "no value comes back that was erased");
    seen_ += generation != last_;
    last_ = generation;
    const std::size_t found = range.size() / cell_size;
    for (std::size_t i = 0; i < found; ++i) {
      const std::string expected = cell(generation, static_cast<std::uint32_t>(first + i));
      require(range.compare(i * cell_size, cell_size, expected) == 0, "all cells are of one value, in their places");
    }
    require(found == cells || (first + found) % cells_of(generation) == 0, "a value is whole appends");
    far_ += first * cell_size > 65'536;
  }

  static void check_size(std::uint64_t size) {
    require(size % cell_size == 0 && size <= largest_value, "a size is one that a value had");
  }

  Random random_;
  std::uint32_t last_ = 0;
  int seen_ = 0;
  int far_ = 0;
};

/// Each thread has the Store that `open_store` gives it.
void check_among_threads(const std::function<std::shared_ptr<Store>()>& open_store) {
  std::mutex mutex;  // guards failure
  std::string failure;
  std::atomic<int> writing = 2;
  std::vector<std::thread> threads;
  const auto start = [&](auto work) {
    threads.emplace_back([&, work, store = open_store()] {
      try {
        work(*store);
      } catch (const std::exception& e) {
        const std::lock_guard lock(mutex);
        failure = e.what();
      }
    });
  };
  for (const char* const key : {"key", "other"}) {
    start([&writing, key](Store& store) {
      try {
        change(store, key);
      } catch (...) {
        --writing;
        throw;
      }
      --writing;
    });
  }
  for (const std::uint64_t seed : {1U, 2U}) {
    start([&writing, seed](Store& store) {
      Reader reader(seed);
      while (writing > 0) reader.read(store, "key");
      reader.require_meaning();
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(failure == "");
}

void check_sharing(const std::shared_ptr<Store>& store) {
  check_among_threads([&] { return store; });
}

Codec codec() { return parse_codec(codec_names().back()); }

class Dataset {
 public:
  Dataset() { create(url(), {.codec = codec()}); }
  [[nodiscard]] std::string url() const { return directory_ / "dataset"; }

 private:
  TemporaryDirectory directory_;
};

constexpr BufferOptions small_buffer{.limit_bytes = std::uint64_t{1} << 20};

TEST_CASE("threads read ranges that the value had while others append to it and erase it") {
  SUBCASE("in memory") { check_sharing(compressed(memory_store(), codec())); }
  SUBCASE("in a dataset that each has open") {
    const Dataset dataset;
    check_among_threads([&]() -> std::shared_ptr<Store> { return open(dataset.url()); });
  }
  SUBCASE("in a dataset that all share") {
    const Dataset dataset;
    check_sharing(open(dataset.url()));
  }
  SUBCASE("under a buffer") {
    const Dataset dataset;
    check_sharing(open(dataset.url(), {.buffer = small_buffer}));
  }
  SUBCASE("over a buffer") { check_sharing(compressed(buffered(memory_store(), small_buffer), codec())); }
}

TEST_CASE("processes read ranges that the value had while others append to it and erase it") {
  const Dataset dataset;
  const std::string last_key = "writers that have ended";
  std::vector<pid_t> children;
  for (const char* const key : {"key", "other"}) {
    children.push_back(start_child([&] {
      const std::unique_ptr<Store> store = open(dataset.url());
      change(*store, key);
      store->append(last_key, "x");
    }));
  }
  for (const std::uint64_t seed : {1U, 2U}) {
    children.push_back(start_child([&] {
      const std::unique_ptr<Store> store = open(dataset.url());
      Reader reader(seed);
      while (store->size(last_key).value_or(0) < 2) reader.read(*store, "key");
      reader.require_meaning();
    }));
  }
  for (const pid_t child : children) CHECK(succeeds(child));
  CHECK(verify(dataset.url()).problems.empty());
}

}  // namespace
}  // namespace accrete::test
