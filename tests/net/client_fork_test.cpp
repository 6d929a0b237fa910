// A process that has a client open forks, and both go on.
#include <doctest/doctest.h>
#include <fstream>
#include <functional>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "net/client.hpp"
#include "net/fake_place.hpp"
#include "net/fake_server.hpp"
#include "support/child.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

TEST_CASE(
    "a forked child appends through the client that it inherited, and what the parent had gathered is not doubled") {
  const TemporaryDirectory directory;
  FakeDisk disk;
  const FakeServer server("ipc://" + (directory / "socket"), disk);
  std::unique_ptr<Store> client = connect(server.endpoint(), {.linger = std::chrono::hours{1}});
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    client->append("parent", "x");
    children.push_back(start_child([&] {
      client->append("child", "y");
      require(client->get("child").ends_with("y"), "the child reads what it appended");
      client.reset();
    }));
  }
  for (const pid_t child : children) CHECK(succeeds(child));
  CHECK(client->get("parent") == "xxxx");
  CHECK(client->get("child") == "yyyy");
}

TEST_CASE("a child that exits at once leaves the parent's client as it was") {
  const TemporaryDirectory directory;
  FakeDisk disk;
  const FakeServer server("ipc://" + (directory / "socket"), disk);
  std::unique_ptr<Store> client = connect(server.endpoint());
  for (int i = 0; i < 10; ++i) {
    client->append("k", "x");
    CHECK(succeeds(start_child([&] { client.reset(); })));
  }
  CHECK(client->get("k") == std::string(10, 'x'));
  CHECK(server.greetings == 1);
}

TEST_CASE("children forked while threads append have clients of their own") {
  const TemporaryDirectory directory;
  FakeDisk disk;
  const FakeServer server("ipc://" + (directory / "socket"), disk);
  const std::unique_ptr<Store> client = connect(server.endpoint());
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> appended = 0;
  std::thread thread([&] {
    while (!stop) {
      client->append("k", "p");
      ++appended;
      if (appended % 100 == 0) client->flush();
    }
  });
  constexpr int forks = 20;
  int succeeded = 0;
  for (int i = 0; i < forks; ++i) {
    succeeded += succeeds(start_child([&] {
      client->append("k", "c");
      client->flush();
    }));
  }
  stop = true;
  thread.join();
  CHECK(succeeded == forks);
  CHECK(client->size("k") == appended + forks);
}

/// Of this process.
rlim_t address_space() {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

/// With so much more of it at most.
void with_address_space(rlim_t more, const std::function<void()>& work) {
  rlimit limit{};
  require(::getrlimit(RLIMIT_AS, &limit) == 0, "the limit can be read");
  const rlim_t all = std::exchange(limit.rlim_cur, address_space() + more);
  require(::setrlimit(RLIMIT_AS, &limit) == 0, "the limit can be lowered");
  work();
  limit.rlim_cur = all;
  require(::setrlimit(RLIMIT_AS, &limit) == 0, "the limit can be raised again");
}

TEST_CASE("an append that memory does not suffice for is refused or made, however little there is") {
  constexpr rlim_t step = 32 << 20;
  const std::string bytes(72 << 20, 'x');  // more than malloc keeps, or has reserved for an arena
  int refused = 0;
  int made = 0;
  for (rlim_t more = 0; more < rlim_t{400} << 20; more += step) {
    CAPTURE(more);
    Place place({.window = 1 << 30, .max_message = 1 << 30});
    const bool returned = succeeds(start_child([&] {
      const auto client = place.client();
      client->append("k", "y");
      client->flush();
      with_address_space(more, [&] { client->append("k", bytes); });
    }));
    CHECK(place.value("k").size() == (returned ? 1 + bytes.size() : 1));
    (returned ? made : refused) += 1;
  }
  CHECK(refused > 0);
  CHECK(made > 0);
}

}  // namespace
}  // namespace accrete::test
