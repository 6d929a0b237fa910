// The memory of gathered bytes, as an allocator: what it hands out is whole, and what it holds follows what is in use.
#include "layer/buffered/chunk_pool.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <string>
#include <vector>

#include "support/commands.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

/// Values, each of chunks that are filled with a byte of its own, and the pages in which these lie.
class PoolAndValues {
 public:
  void begin(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      values_.push_back({.filling = static_cast<char>(values_.size())});
      add_chunk(values_.back());
    }
  }

  void grow(std::size_t at, std::uint64_t count) {
    if (values_.empty()) return;
    for (std::uint64_t i = 0; i < count; ++i) add_chunk(values_[at % values_.size()]);
  }

  /// Not on to the largest chunks, of which so many would take long to fill.
  void grow_each(std::size_t stride) {
    constexpr std::size_t enough = 3;
    for (std::size_t i = 0; i < values_.size(); i += stride) {
      if (values_[i].chunks.size() < enough) add_chunk(values_[i]);
    }
  }

  void cut(std::size_t at) {
    if (values_.empty()) return;
    Value& value = values_[at % values_.size()];
    free_last(value);
    if (value.chunks.empty()) values_.erase(values_.begin() + static_cast<std::ptrdiff_t>(at % values_.size()));
  }

  void end_each(std::size_t stride) {
    std::vector<Value> left;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (i % stride != 0) {
        left.push_back(std::move(values_[i]));
        continue;
      }
      while (!values_[i].chunks.empty()) free_last(values_[i]);
    }
    values_.swap(left);
  }

  void check() const {
    require(pool_.used_bytes() == live_chunks_.size() * ChunkPool::page_size, "the pages with chunks are in use");
    require(pool_.reserved_bytes() <= 2 * max_used_, "no more than twice of what was in use is held");
  }

 private:
  struct Value {
    std::vector<Chunk*> chunks{};
    char filling = 0;
  };

  static std::uintptr_t page_of(const Chunk* chunk) {
    return reinterpret_cast<std::uintptr_t>(chunk) / ChunkPool::page_size;
  }

  void add_chunk(Value& value) {
    const std::uint64_t used = pool_.used_bytes();
    const std::uint64_t reserved = pool_.reserved_bytes();
    Chunk* const last = value.chunks.empty() ? nullptr : value.chunks.back();
    Chunk* const chunk = pool_.allocate(last);
    require(chunk->size == 0 && !chunk->next, "a chunk is empty when it is handed out");
    require(!last || chunk->capacity >= last->capacity, "chunks grow with their value");
    check_apart(chunk);
    if (pool_.used_bytes() > used) check_needs_page(chunk->capacity);
    require(pool_.reserved_bytes() == reserved || used == reserved, "the system is asked when no page is free");
    max_used_ = std::max(max_used_, pool_.used_bytes());
    capacity_in_[page_of(chunk)] = chunk->capacity;
    ++live_chunks_[page_of(chunk)];
    ends_[reinterpret_cast<const char*>(chunk)] = chunk->bytes() + chunk->capacity;
    std::fill_n(chunk->bytes(), chunk->capacity, value.filling);
    chunk->size = chunk->capacity;
    value.chunks.push_back(chunk);
  }

  void check_apart(Chunk* chunk) const {
    const char* const begin = reinterpret_cast<const char*>(chunk);
    const auto after = ends_.lower_bound(begin);
    require(after == ends_.end() || chunk->bytes() + chunk->capacity <= after->first, "a chunk ends before the next");
    require(after == ends_.begin() || std::prev(after)->second <= begin, "a chunk begins after the one before");
  }

  /// A page was taken for a chunk.
  void check_needs_page(std::uint32_t capacity) const {
    constexpr std::size_t not_for_chunks = 2048;  // of a page
    const std::size_t chunks_a_page = (ChunkPool::page_size - not_for_chunks) / (capacity + sizeof(Chunk));
    for (const auto& [page, count] : live_chunks_) {
      require(capacity_in_.at(page) != capacity || count == chunks_a_page,
              "a page is taken when those in use are full");
    }
  }

  void free_last(Value& value) {
    Chunk* const chunk = value.chunks.back();
    require(chunk->view() == std::string(chunk->capacity, value.filling), "a chunk keeps its bytes");
    value.chunks.pop_back();
    ends_.erase(reinterpret_cast<const char*>(chunk));
    if (--live_chunks_[page_of(chunk)] == 0) live_chunks_.erase(page_of(chunk));
    pool_.free(chunk);
  }

  ChunkPool pool_;
  std::vector<Value> values_;
  std::map<const char*, const char*> ends_;              // of the chunks, by their beginnings
  std::map<std::uintptr_t, std::size_t> live_chunks_;    // of each page that has any
  std::map<std::uintptr_t, std::uint32_t> capacity_in_;  // of the chunks that a page had last
  std::uint64_t max_used_ = 0;
};

TEST_CASE("one small value takes one page from the system") {
  ChunkPool pool;
  Chunk* const chunk = pool.allocate(nullptr);
  CHECK(pool.used_bytes() == ChunkPool::page_size);
  CHECK(pool.reserved_bytes() == ChunkPool::page_size);
  pool.free(chunk);
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("chunks of values that come and go keep their bytes, and their pages are used again") {
  const Argument strides = Argument::one_of({1, 2, 3, 256});
  CHECK(counterexample<PoolAndValues>(
            {
                command("begin", &PoolAndValues::begin, Argument::one_of({1, 64, 255, 256, 257})),
                command("grow", &PoolAndValues::grow, Argument::below(600), Argument::below(9)),
                command("grow_each", &PoolAndValues::grow_each, strides),
                command("cut", &PoolAndValues::cut, Argument::below(600)),
                command("end_each", &PoolAndValues::end_each, strides),
            },
            {.sequences = 100, .max_length = 60}) == "");
}

}  // namespace
}  // namespace accrete::test
