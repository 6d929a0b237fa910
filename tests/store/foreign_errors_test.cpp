// Tests that only errors of accrete leave a Store, whatever is thrown below it.
#include <accrete/accrete.hpp>
#include <cerrno>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "support/hooked_store.hpp"

namespace accrete::test {
namespace {

const std::vector<std::function<void(Store&)>>& every_hooked_call() {
  static const std::vector<std::function<void(Store&)>> calls = {
      [](Store& store) { store.append("k", "v"); },
      [](Store& store) { (void)store.get("k"); },
      [](Store& store) { (void)store.get_batch(std::vector<std::string_view>{"k"}); },
      [](Store& store) { (void)store.get_range("k", 0, 1); },
      [](Store& store) { (void)store.size("k"); },
      [](Store& store) { (void)store.list(); },
      [](Store& store) { (void)store.removals(); },
      [](Store& store) { (void)store.stats(); },
      [](Store& store) { (void)store.last_sequence({}); },
      [](Store& store) { store.erase("k"); },
      [](Store& store) { store.drop(); },
  };
  return calls;
}

template <typename Expected, typename Thrown>
void check_every_call(const Thrown& thrown) {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  store.before = [&](HookedStore::Call, std::string_view) { throw thrown; };
  for (const auto& call : every_hooked_call()) CHECK_THROWS_AS(call(store), Expected);
}

TEST_CASE("what other libraries throw leaves a store as an error of accrete") {
  check_every_call<TooLargeError>(std::bad_alloc());
  check_every_call<TooLargeError>(std::length_error("too long"));
  check_every_call<IoError>(std::system_error(EAGAIN, std::generic_category()));
  check_every_call<Error>(std::runtime_error("odd"));
}

TEST_CASE("an error of accrete leaves a store as it was thrown") {
  check_every_call<CorruptionError>(CorruptionError("damaged"));
  check_every_call<UnknownOutcomeError>(UnknownOutcomeError("unknown", BatchId{.sequence = 1}));
}

}  // namespace
}  // namespace accrete::test
