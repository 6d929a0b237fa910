#include "base/fair_shared_mutex.hpp"

#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <optional>
#include <thread>
#include <vector>

namespace accrete {
namespace {

using namespace std::chrono_literals;

TEST_CASE("who wants to share the mutex waits after a writer that waits") {
  FairSharedMutex mutex;
  std::optional<std::shared_lock<FairSharedMutex>> first(mutex);
  std::thread writer([&] { const std::unique_lock lock(mutex); });
  std::atomic<long> entered = 0;
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) {
      const std::shared_lock lock(mutex);
      ++entered;
    }
  });
  // Sooner or later the writer waits, and then the reader comes in no more.
  long before = -1;
  for (int tries = 0; tries < 500 && entered != before; ++tries) {
    before = entered;
    std::this_thread::sleep_for(20ms);
  }
  CHECK(entered == before);
  stop = true;
  first.reset();
  writer.join();
  reader.join();
}

TEST_CASE("a writer is alone, and readers are together") {
  FairSharedMutex mutex;
  std::optional<std::shared_lock<FairSharedMutex>> first(mutex);
  std::atomic<bool> shared = false;
  std::thread reader([&] {
    const std::shared_lock lock(mutex);
    shared = true;
  });
  reader.join();
  CHECK(shared);
  long count = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        const std::unique_lock lock(mutex);
        ++count;
      }
    });
  }
  CHECK(count == 0);
  first.reset();
  for (std::thread& writer : writers) writer.join();
  CHECK(count == 4000);
}

}  // namespace
}  // namespace accrete
