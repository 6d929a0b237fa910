// Tests of a buffer that is short of memory, or of room in its journal.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <cstdint>
#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "api/datasets.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "support/hooked_store.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

TEST_CASE("appends to keys that do not come again go on, though what is known of those fills the buffer") {
  constexpr int batches = 400;
  constexpr int keys_a_batch = 2000;
  const auto store = buffered(memory_store(), {.limit_bytes = 8 << 20});
  for (int i = 0; i < batches; ++i) {
    std::vector<std::string> keys;
    std::vector<Entry> entries;
    for (int k = 0; k < keys_a_batch; ++k) keys.push_back(std::to_string(i * keys_a_batch + k));
    for (const std::string& key : keys) entries.push_back({key, "x"});
    store->append_batch(entries);
  }
  CHECK(store->stats().keys == batches * keys_a_batch);
}

TEST_CASE("the journal of few keys is written over, though the buffer could hold much more") {
  constexpr std::size_t piece_bytes = std::size_t{16} << 10;
  constexpr int keys = 64;
  const TemporaryDirectory directory;
  const std::string path = directory / "dataset";
  create(path);
  const std::string piece(piece_bytes, 'x');
  std::vector<std::string> names;
  std::vector<Entry> entries;
  for (int i = 0; i < keys; ++i) names.push_back("key " + std::to_string(i));
  for (const std::string& name : names) entries.push_back({name, piece});
  constexpr int batches = 256;
  std::uintmax_t max_bytes = 0;
  {
    const auto store = open(path, {.buffer = BufferOptions{.limit_bytes = std::uint64_t{512} << 20}});
    for (int i = 0; i < batches; ++i) {
      store->append_batch(entries);
      if (i % 16 == 15) store->flush();
      for (const char* const segment : {"/.buffer-0", "/.buffer-1"}) {
        max_bytes = std::max(max_bytes, std::filesystem::file_size(path + segment));
      }
    }
  }
  CHECK(max_bytes >= std::uintmax_t{32} << 20);
  CHECK(max_bytes <= std::uintmax_t{36} << 20);
  CHECK(open(path)->size("key 0") == batches * piece_bytes);
}

TEST_CASE("a store whose batches are limited gets batches that fit, of whole appends, also once some have failed") {
  constexpr std::size_t piece_bytes = 10'000;
  const auto memory = memory_store();
  auto hooked = std::make_unique<HookedStore>(*memory);
  hooked->batch_limit = std::uint64_t{1} << 20;
  bool is_torn = false;
  std::uint64_t batches = 0;
  hooked->after = [&](HookedStore::Call call, std::string_view) {
    if (call != HookedStore::Call::append) return;
    for (const KeySize& key : memory->list()) is_torn = is_torn || key.size % piece_bytes != 0;
  };
  hooked->before = [&](HookedStore::Call call, std::string_view) {
    if (call == HookedStore::Call::append && ++batches % 3 == 0) throw DiskFullError("append to", "a test", 28);
  };
  const auto store = buffered(std::move(hooked));
  CHECK(store->max_batch_bytes() == std::uint64_t{1} << 20);
  std::map<std::string, std::string> expected;
  const auto retry = [](const auto& action) {
    for (;;) {
      try {
        return action();
      } catch (const DiskFullError&) {
        // as often as it takes
      }
    }
  };
  for (int i = 0; i < 2000; ++i) {
    const std::string key = i % 2 == 0 ? "hot" : "key " + std::to_string(i % 100);
    const std::string piece(piece_bytes, static_cast<char>('a' + i % 26));
    retry([&] { store->append(key, piece); });
    expected[key] += piece;
  }
  retry([&] { store->flush(); });
  CHECK_FALSE(is_torn);
  CHECK(batches > 20);
  for (const auto& [key, value] : expected) CHECK(memory->get(key) == value);
}

TEST_CASE("nobody who fills the journal has to hand down at once all that it covers") {
  constexpr std::uint64_t journal_bytes = std::uint64_t{8} << 20;  // of a segment; memory is not short
  constexpr std::uint64_t small_keys = 20'000;
  constexpr std::uint64_t max_keys_at_once = 1024;
  const TemporaryDirectory directory;
  const std::string path = directory / "dataset";
  create(path);
  auto owned = open_owned_dataset(posix_env(), path, {});
  OwnedDataset& dataset = *owned;
  const auto store = buffered_dataset(
      std::move(owned), dataset, {.buffer = {.limit_bytes = 16 * journal_bytes}, .file_size_limit = journal_bytes});
  const std::string bytes(1000, 'x');
  std::uint64_t max_keys = 0;  // that came to be below while one was appended to
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < small_keys; ++i) store->append("small " + std::to_string(i), "y");
    std::uint64_t below = dataset.stats().keys;
    for (std::uint64_t written = 0; written < 2 * journal_bytes; written += bytes.size()) {
      store->append("hot", bytes);
      const std::uint64_t now = dataset.stats().keys;
      max_keys = std::max(max_keys, now - below);
      below = now;
    }
    CHECK(below == small_keys + 1);
    store->drop();
  }
  CHECK(max_keys <= max_keys_at_once + 1);
  CHECK(max_keys > 0);
}

}  // namespace
}  // namespace accrete::test
