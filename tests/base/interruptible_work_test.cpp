// Tests of base/interruptible_work.hpp.
#include "base/interruptible_work.hpp"

#include <accrete/error.hpp>
#include <accrete/interruptible.hpp>
#include <doctest/doctest.h>
#include <thread>

namespace accrete {
namespace {

constexpr std::size_t large = std::size_t{20} << 20;

/// Bytes of which no two parts are alike.
std::string numbered(std::size_t size) {
  std::string bytes;
  while (bytes.size() < size) bytes += std::to_string(bytes.size()) + ',';
  bytes.resize(size);
  return bytes;
}

/// Works as if that had begun a while ago, and was interrupted since.
template <typename Work>
void check_interrupted(Work work) {
  const Interruptible interruptible([] { return true; });
  throw_if_interrupted();
  std::this_thread::sleep_for(Interruption::interval);
  InterruptibleWork interruptible_work;
  CHECK_THROWS_AS(work(interruptible_work), InterruptedError);
}

TEST_CASE("what is copied and appended in parts is the same") {
  InterruptibleWork work;
  const std::string bytes = numbered(large);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{8} << 20, large}) {
    const std::string_view from = std::string_view(bytes).substr(0, size);
    CHECK(work.copy_of(from) == from);
    std::string room(size, '\0');
    work.copy(from, room.data());
    CHECK(room == from);
    for (const std::size_t before : {std::size_t{0}, std::size_t{3}, large}) {
      std::string to = bytes.substr(0, before);
      work.append(from, to);
      CHECK(to == bytes.substr(0, before).append(from));
    }
  }
}

TEST_CASE("a string that many bytes are appended to one by one is seldom copied") {
  InterruptibleWork work;
  std::string to(large, 'x');
  std::size_t copies = 0;
  for (std::size_t i = 0; i < large; ++i) {
    const std::size_t capacity = to.capacity();
    work.append("y", to);
    copies += to.capacity() != capacity ? 1 : 0;
  }
  CHECK(to.size() == 2 * large);
  CHECK(copies <= 2);
}

TEST_CASE("copying ends when it is interrupted, and a string that would have to grow for it is as before") {
  const std::string bytes = numbered(large);
  check_interrupted([&](InterruptibleWork& work) { (void)work.copy_of(bytes); });
  std::string room(large, '\0');
  check_interrupted([&](InterruptibleWork& work) { work.copy(bytes, room.data()); });
  CHECK(room.back() == '\0');
  std::string to = bytes;
  to.shrink_to_fit();
  check_interrupted([&](InterruptibleWork& work) { work.append("x", to); });
  CHECK(to == bytes);
}

TEST_CASE("many short steps are interrupted, and few are not") {
  check_interrupted([](InterruptibleWork& work) {
    CHECK_NOTHROW(work.done(0));
    for (int i = 0; i < 10'000; ++i) work.done(0);
  });
}

}  // namespace
}  // namespace accrete
