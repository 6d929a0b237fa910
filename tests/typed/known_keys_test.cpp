#include "typed/known_keys.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <string>
#include <thread>

#include "support/child.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

std::string numbered(std::size_t number) { return "key" + std::to_string(number); }

std::size_t count_known(const KnownKeys& known, std::size_t keys) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < keys; ++i) count += known.contains(numbered(i)) ? 1 : 0;
  return count;
}

TEST_CASE("a key is known from when it is added until it is forgotten") {
  KnownKeys known;
  CHECK_FALSE(known.contains("k"));
  known.forget("k");
  known.add("k", known.epoch());
  known.add("other", known.epoch());
  CHECK(known.contains("k"));
  known.forget("k");
  CHECK_FALSE(known.contains("k"));
  CHECK(known.contains("other"));
}

TEST_CASE("what was seen before a key was forgotten is not added") {
  KnownKeys known;
  const std::uint64_t seen = known.epoch();
  known.forget("k");
  known.add("k", seen);
  CHECK_FALSE(known.contains("k"));
  known.add("k", known.epoch());
  CHECK(known.contains("k"));
}

TEST_CASE("nearly all of hundreds of thousands of keys are known, and of millions as many as there is room for") {
  KnownKeys known;
  for (std::size_t i = 0; i < 300'000; ++i) known.add(numbered(i), known.epoch());
  CHECK(count_known(known, 300'000) > 299'000);
  constexpr std::size_t millions = 3'000'000;
  for (std::size_t i = 0; i < millions; ++i) {
    known.add(numbered(i), known.epoch());
    if (!known.contains(numbered(i))) FAIL("the key that was added last is not known");
  }
  const std::size_t left = count_known(known, millions);
  CHECK(left > 1'000'000);
  CHECK(left <= std::size_t{1} << 20);
}

TEST_CASE("a forked child uses it, whatever threads did at the fork") {
  KnownKeys known;
  for (std::size_t i = 0; i < 1000; ++i) known.add(numbered(i), known.epoch());
  std::atomic<bool> stop = false;
  std::thread thread([&] {
    for (std::size_t i = 0; !stop; ++i) known.add(numbered(i % 1000), known.epoch());
  });
  for (int i = 0; i < 100; ++i) {
    CHECK(succeeds(start_child([&] {
      known.add("k", known.epoch());
      require(known.contains("k"), "the child knows what it has added");
    })));
  }
  stop = true;
  thread.join();
}

}  // namespace
}  // namespace accrete::test
