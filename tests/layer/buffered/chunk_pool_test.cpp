// The memory of gathered bytes, as an allocator: what it hands out is whole, and what it holds follows what is in use.
#include "layer/buffered/chunk_pool.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <random>
#include <vector>

namespace accrete::test {
namespace {

/// A value: its chunks, each filled with bytes of its own.
struct Chain {
  std::vector<Chunk*> chunks{};
  char filling = 0;
};

void grow(ChunkPool& pool, Chain& chain) {
  Chunk* const last = chain.chunks.empty() ? nullptr : chain.chunks.back();
  Chunk* const chunk = pool.allocate(last);
  std::fill_n(chunk->bytes(), chunk->capacity, chain.filling);
  chunk->size = chunk->capacity;
  chain.chunks.push_back(chunk);
}

bool is_whole(const Chain& chain) {
  return std::ranges::all_of(chain.chunks, [&](const Chunk* chunk) {
    return std::ranges::all_of(chunk->view(), [&](char c) { return c == chain.filling; });
  });
}

void free_all(ChunkPool& pool, Chain& chain) {
  for (Chunk* const chunk : chain.chunks) pool.free(chunk);
  chain.chunks.clear();
}

TEST_CASE("one small value takes one page from the system") {
  ChunkPool pool;
  Chain chain;
  grow(pool, chain);
  CHECK(pool.used_bytes() == ChunkPool::page_size);
  CHECK(pool.reserved_bytes() == ChunkPool::page_size);
  free_all(pool, chain);
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("chunks of values that come and go keep their bytes, and are used again") {
  std::minstd_rand random(7);  // NOLINT(cert-msc51-cpp): the same each time
  ChunkPool pool;
  std::vector<Chain> chains(300);
  for (std::size_t i = 0; i < chains.size(); ++i) chains[i].filling = static_cast<char>(i);
  std::uint64_t most_used = 0;
  for (int step = 0; step < 20'000; ++step) {
    Chain& chain = chains[random() % chains.size()];
    constexpr std::size_t longest = 8;
    if (chain.chunks.size() == longest) {
      REQUIRE(is_whole(chain));
      free_all(pool, chain);
    } else {
      grow(pool, chain);
    }
    most_used = std::max(most_used, pool.used_bytes());
  }
  CHECK(std::ranges::all_of(chains, is_whole));
  CHECK(pool.reserved_bytes() <= 2 * most_used);
  for (Chain& chain : chains) free_all(pool, chain);
  CHECK(pool.used_bytes() == 0);
  const std::uint64_t reserved = pool.reserved_bytes();
  Chain again;
  for (int i = 0; i < 8; ++i) grow(pool, again);
  CHECK(pool.reserved_bytes() == reserved);
  free_all(pool, again);
}

}  // namespace
}  // namespace accrete::test
