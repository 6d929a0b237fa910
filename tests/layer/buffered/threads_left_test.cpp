// Tests of what a call does when the system has no thread left for it: the definition below stands before the system's.
#include <accrete/accrete.hpp>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <pthread.h>
#include <string>

#include "net/client.hpp"
#include "support/child.hpp"
#include "support/model.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace {

std::atomic<bool> no_thread_is_left = false;

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*),
                              void* argument) {
  if (no_thread_is_left) return EAGAIN;
  static const auto next = reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
  return next(thread, attributes, work, argument);
}

namespace accrete::test {
namespace {

class NoThreadLeft {
 public:
  NoThreadLeft() { no_thread_is_left = true; }
  ~NoThreadLeft() { no_thread_is_left = false; }
  NoThreadLeft(const NoThreadLeft&) = delete;
  NoThreadLeft& operator=(const NoThreadLeft&) = delete;
};

constexpr std::uint64_t smallest_buffer = std::uint64_t{1} << 20;

/// Appends until it needs the buffer's thread, and on; what has thrown is tried again once there are threads.
void append_with_few_threads(Store& store) {
  Model model;
  const std::string bytes(10'000, 'b');
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "key" + std::to_string(i % 7);
    try {
      const NoThreadLeft none;
      store.append(key, bytes);
    } catch (const IoError& error) {
      CHECK(error.code().value() == EAGAIN);
      ++refused;
      CHECK(difference(store, model) == "");
      store.append(key, bytes);
    }
    const Entry entry{key, bytes};
    model.append_batch({&entry, 1});
  }
  CHECK(refused > 0);
  CHECK(difference(store, model) == "");
}

TEST_CASE("an append that needs a thread that the system does not have is an error, and changes nothing") {
  append_with_few_threads(*buffered(memory_store(), {.limit_bytes = smallest_buffer}));
  for (const Durability durability : {Durability::memory, Durability::os, Durability::sync}) {
    const TemporaryDirectory directory;
    create(directory / "dataset");
    append_with_few_threads(*open(directory / "dataset",
                                  {.buffer = BufferOptions{.limit_bytes = smallest_buffer}, .durability = durability}));
  }
}

TEST_CASE("a forked child that gets no thread for its buffer is told before anything is appended") {
  const std::unique_ptr<Store> store = buffered(memory_store(), {.limit_bytes = smallest_buffer});
  store->append("k", "parent");
  CHECK(succeeds(start_child([&] { append_with_few_threads(*store); })));
  CHECK(store->get("k") == "parent");
}

TEST_CASE("a client that gets no thread is an error of accrete") {
  const NoThreadLeft none;
  CHECK_THROWS_AS((void)connect("ipc:///nowhere/socket"), NetworkError);
}

TEST_CASE("the threads of the library take no signals, so that a program which blocks one is not killed by it") {
  CHECK(succeeds(start_child([] {
    const std::unique_ptr<Store> store = buffered(memory_store());
    store->append("k", "v");  // the buffer has its thread now
    const TemporaryDirectory directory;
    try {
      (void)connect("ipc://" + directory / "socket", {.timeout = std::chrono::milliseconds{50}});
    } catch (const NetworkError&) {
      // it had threads of its own
    }
    sigset_t drained;
    ::sigemptyset(&drained);
    ::sigaddset(&drained, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &drained, nullptr);
    ::kill(::getpid(), SIGTERM);
    int taken = 0;
    require(::sigwait(&drained, &taken) == 0 && taken == SIGTERM, "the program takes its signal itself");
  })));
}

}  // namespace
}  // namespace accrete::test
