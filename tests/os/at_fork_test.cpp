// Forks of a program with threads.
#include <atomic>
#include <doctest/doctest.h>
#include <memory>
#include <thread>
#include <vector>

#include "support/child.hpp"

namespace accrete::test {
namespace {

/// Blocks of many sizes, most of which a thread's own cache does not hold.
void allocate(std::size_t seed) {
  std::vector<std::unique_ptr<char[]>> blocks;
  for (std::size_t i = 0; i < 50; ++i) blocks.push_back(std::make_unique<char[]>((seed * 7919 + i * 104729) % 200'000));
}

TEST_CASE("a forked child may allocate, wherever its parent's threads were") {
  std::atomic<bool> stopped = false;
  std::vector<std::thread> threads;
  for (std::size_t first = 0; first < 3; ++first) {
    threads.emplace_back([&, first] {
      for (std::size_t seed = first; !stopped; ++seed) {
        allocate(seed);
        std::thread([] {}).join();
      }
    });
  }
  for (int fork = 0; fork < 20; ++fork) {
    CHECK(succeeds(start_child([] {
      ::alarm(60);
      for (std::size_t seed = 0; seed < 20; ++seed) allocate(seed);
    })));
  }
  stopped = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace accrete::test
