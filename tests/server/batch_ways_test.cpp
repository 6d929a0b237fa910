// The ways of a batch: on each, its entries are grouped by key once and encoded once at most, whoever hands them on.
// The linker leads the library's calls of what is counted here through this file (--wrap).
#include <accrete/accrete.hpp>
#include <atomic>
#include <cstdint>
#include <doctest/doctest.h>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/load/batch_appender.hpp"
#include "net/client.hpp"
#include "server/running_server.hpp"
#include "support/temporary_directory.hpp"

#define HASH64 "_ZN7accrete6hash64ESt17basic_string_viewIcSt11char_traitsIcEEm"
#define ENCODE_ENTRIES                                        \
  "_ZN7accrete14encode_entriesESt4spanIKNS_5EntryELm18446744" \
  "073709551615EERNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
#define ENCODE_ENTRY_HEADER                                                                    \
  "_ZN7accrete19encode_entry_headerESt17basic_string_viewIcSt11char_traitsIcEEmRNSt7__cxx1112" \
  "basic_stringIcS2_SaIcEEE"

namespace accrete::test {

constexpr std::string_view key_prefix = "key of the batch ";
std::atomic<std::uint64_t> hashed_keys = 0;
std::atomic<std::uint64_t> encoded_entries = 0;

std::uint64_t real_hash64(std::string_view bytes, std::uint64_t seed) noexcept asm("__real_" HASH64);
std::uint64_t counted_hash64(std::string_view bytes, std::uint64_t seed) noexcept asm("__wrap_" HASH64);
std::uint64_t counted_hash64(std::string_view bytes, std::uint64_t seed) noexcept {
  if (bytes.starts_with(key_prefix) && bytes.size() < key_prefix.size() + 10) ++hashed_keys;
  return real_hash64(bytes, seed);
}

void real_encode_entries(std::span<const Entry> entries, std::string& to) asm("__real_" ENCODE_ENTRIES);
void counted_encode_entries(std::span<const Entry> entries, std::string& to) asm("__wrap_" ENCODE_ENTRIES);
void counted_encode_entries(std::span<const Entry> entries, std::string& to) {
  encoded_entries += entries.size();
  real_encode_entries(entries, to);
}

void real_encode_entry_header(std::string_view key, std::size_t size,
                              std::string& to) asm("__real_" ENCODE_ENTRY_HEADER);
void counted_encode_entry_header(std::string_view key, std::size_t size,
                                 std::string& to) asm("__wrap_" ENCODE_ENTRY_HEADER);
void counted_encode_entry_header(std::string_view key, std::size_t size, std::string& to) {
  ++encoded_entries;
  real_encode_entry_header(key, size, to);
}

namespace {

constexpr std::uint64_t key_count = 500;

/// Two entries a key, far from each other, in no order.
struct Batch {
  Batch() {
    for (std::uint64_t i = 0; i < 2 * key_count; ++i) {
      keys.push_back(std::string(key_prefix) + std::to_string(i * 7 % key_count));
    }
    for (const std::string& key : keys) {
      entries.push_back({.key = key, .bytes = "some bytes"});
      expected[key] += "some bytes";
    }
  }
  std::vector<std::string> keys{};
  std::vector<Entry> entries{};
  std::map<std::string, std::string> expected{};
};

struct Counts {
  std::uint64_t hashed = 0;
  std::uint64_t encoded = 0;

  friend bool operator==(const Counts&, const Counts&) = default;
};
std::ostream& operator<<(std::ostream& to, const Counts& counts) {
  return to << counts.hashed << " keys hashed, " << counts.encoded << " entries encoded";
}

/// While `append` brings the batch to where its values are.
template <typename Append>
Counts count(Append append) {
  hashed_keys = 0;
  encoded_entries = 0;
  append();
  return {.hashed = hashed_keys, .encoded = encoded_entries};
}

void check_values(const Store& store, const Batch& batch, int times) {
  for (const auto& [key, value] : batch.expected) {
    std::string expected;
    for (int i = 0; i < times; ++i) expected += value;
    CHECK(store.get(key) == expected);
  }
}

class Place {
 public:
  Place() { create(path()); }
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

 private:
  TemporaryDirectory directory_;
};

/// Its entries grouped by key, and then, as on each way down to the files, the file of each key looked for.
Counts grouped_once(const Batch& batch) { return {.hashed = batch.entries.size() + key_count}; }

Counts grouped_and_encoded_once(const Batch& batch) {
  Counts counts = grouped_once(batch);
  counts.encoded = batch.entries.size();
  return counts;
}

void append_and_flush(Store& store, const Batch& batch, const AppendOptions& options = {}) {
  store.append_batch(batch.entries, options);
  store.flush();
}

TEST_CASE("a batch that goes to files is grouped once") {
  const Place place;
  const Batch batch;
  const auto store = open(place.path());
  append_and_flush(*store, batch);  // from now on all keys are known
  CHECK(count([&] { append_and_flush(*store, batch); }) == grouped_once(batch));
  check_values(*store, batch, 2);
}

TEST_CASE("a batch that a buffer gathers is grouped once and encoded once, by the time that it is handed down") {
  const Place place;
  const Batch batch;
  const auto store = open(place.path(), {.buffer = BufferOptions{}});
  append_and_flush(*store, batch);
  CHECK(count([&] { append_and_flush(*store, batch); }) == grouped_and_encoded_once(batch));
  check_values(*store, batch, 2);
}

/// By a client; the server looks for each of the keys once more.
Counts sent_once(const Batch& batch) { return {.hashed = batch.entries.size() + 2 * key_count, .encoded = key_count}; }

TEST_CASE("a client's batch is grouped and encoded once, by the client") {
  const Place place;
  const Batch batch;
  const std::string endpoint = "ipc://" + place.path() + "/.socket";
  const RunningServer server(place.path(), {.endpoint = endpoint});
  const auto store = connect(endpoint);
  append_and_flush(*store, batch);
  CHECK(count([&] { append_and_flush(*store, batch); }) == sent_once(batch));
  const AppendOptions waits{.id = BatchId{.writer = {}, .sequence = 1}};
  CHECK(count([&] { append_and_flush(*store, batch, waits); }) == grouped_and_encoded_once(batch));
  check_values(*store, batch, 3);
}

TEST_CASE("rows that are loaded are grouped once") {
  const Place place;
  const Batch batch;
  const auto store = open(place.path());
  append_and_flush(*store, batch);
  cli::BatchAppender appender(*store, [] {});
  CHECK(count([&] {
          for (const Entry& row : batch.entries) appender.last_gathered().add(row.key, row.bytes);
          appender.submit(1);
          appender.wait();
        }) == grouped_once(batch));
  check_values(*store, batch, 2);
}

}  // namespace
}  // namespace accrete::test
