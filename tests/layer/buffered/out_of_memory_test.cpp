// Gathered values when memory runs out: at each allocation in turn, until there is enough.
#include <cstdlib>
#include <doctest/doctest.h>
#include <new>
#include <string>
#include <vector>

#include "layer/buffered/gathered_values.hpp"

namespace {

int allocations_left = -1;  // NOLINT: operator new has no object to keep it in. -1: any number

void* allocate(std::size_t size, std::size_t alignment) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  void* const place = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  return place ? place : throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, std::size_t) noexcept { std::free(place); }
void operator delete(void* place, std::align_val_t) noexcept { std::free(place); }
void operator delete(void* place, std::size_t, std::align_val_t) noexcept { std::free(place); }

namespace accrete::test {
namespace {

constexpr std::size_t key_count = 600;  // of which the table takes several blocks
constexpr std::size_t stored_size = 100;

std::string key_at(std::size_t at) { return "a key too long for a string's own memory: " + std::to_string(at); }

/// Something is gathered for every second key.
void gather(GatheredValues& values) {
  for (std::size_t i = 0; i < key_count; ++i) {
    const std::string key = key_at(i);
    const Entry entry{key, key};
    values.append({&entry, 1});
    if (i % 2 == 1) values.discard(key);
  }
  values.keep();
}

bool is_whole(const GatheredValues& values) {
  for (std::size_t i = 0; i < key_count; i += 2) {
    std::string value;
    values.copy(key_at(i), 0, 2 * key_at(i).size(), value);
    if (value != key_at(i)) return false;
  }
  return values.list({}).size() == key_count / 2;
}

/// False if memory ran out in it.
template <typename Work>
bool try_with(int allocations, Work work) {
  allocations_left = allocations;
  try {
    work();
    allocations_left = -1;
    return true;
  } catch (const std::bad_alloc&) {
    allocations_left = -1;
    return false;
  }
}

TEST_CASE("values are not lost when memory runs out while idle keys are forgotten") {
  bool is_done = false;
  int allocations = 0;
  for (; !is_done; ++allocations) {
    GatheredValues values;
    gather(values);
    is_done = try_with(allocations, [&] { (void)values.forget_idle_keys(0); });
    CHECK(is_whole(values));
  }
  CHECK(allocations > 1);
}

TEST_CASE("nothing is left of entries that are taken back when memory has run out") {
  const std::string large(300'000, 'x');
  bool is_done = false;
  int allocations = 0;
  for (; !is_done; ++allocations) {
    GatheredValues values;
    gather(values);
    const std::string key = key_at(0);
    const std::vector<Entry> entries = {{key, large}, {"another", large}};
    GatheredValues::Numbers numbers;
    GatheredValues::Numbers untold;
    values.find(entries, 1, numbers, untold);
    values.set_end(numbers.front(), {.after = stored_size});
    const std::uint64_t bytes = values.bytes();
    is_done = try_with(allocations, [&] { values.append(entries, numbers, 1); });
    values.take_back();
    CHECK(values.bytes() == bytes);
    CHECK(values.end(numbers.front())->after == stored_size);
    CHECK_FALSE(values.size("another"));
    CHECK(is_whole(values));
  }
  CHECK(allocations > 1);
}

}  // namespace
}  // namespace accrete::test
