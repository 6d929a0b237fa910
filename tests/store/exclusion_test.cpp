// Who may use a dataset at the same time as others.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>

#include "support/child.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds impatience{20};

bool is_locked_for_others(const std::string& url) {
  return succeeds(start_child([&] {
    try {
      open(url, {.lock_timeout = impatience})->append("x", "theirs");
    } catch (const LockedError&) {
      return;
    }
    throw std::runtime_error("another process could append");
  }));
}

TEST_CASE("a program that copies its dataset while it buffers appends keeps the dataset for itself") {
  const TemporaryDirectory directory;
  const std::string url = directory / "events";
  create(url);
  {
    const std::unique_ptr<Store> store = open(url, {.buffer = BufferOptions{}});
    store->append("x", "ours");
    fs::copy(url, directory / "copy", fs::copy_options::recursive);
    CHECK(is_locked_for_others(url));
    store->append("x", ", and ours");
  }
  CHECK_FALSE(is_locked_for_others(url));
  CHECK(get(url, {"x"}).front() == "ours, and ourstheirs");
}

}  // namespace
}  // namespace accrete::test
