// Appends of unknown outcome are made again only where that cannot double them.
#include "cli/append_for_certain.hpp"

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>

#include "support/hooked_store.hpp"

namespace accrete::test {
namespace {

using namespace accrete::cli;

constexpr Entry entry{"k", "bytes"};
constexpr BatchId id{.writer = {std::byte{7}}, .sequence = 1};

/// Over a store whose first append is applied, and says that this cannot be told.
struct Unsure {
  explicit Unsure(const std::optional<BatchId>& made_id) {
    store.after = [this, made_id](HookedStore::Call call, std::string_view) {
      if (call != HookedStore::Call::append || store.count(call) != 1) return;
      if (made_id) memory->append_batch({}, {.id = made_id});
      throw UnknownOutcomeError("cannot be told", made_id);
    };
  }

  std::unique_ptr<Store> memory = memory_store();
  HookedStore store{*memory};
};

TEST_CASE("a batch without an id is not appended again when its outcome is unknown") {
  Unsure unsure(std::nullopt);
  CHECK_THROWS_AS(append_for_certain(unsure.store, {&entry, 1}), UnknownOutcomeError);
  CHECK(unsure.memory->get("k") == "bytes");
}

TEST_CASE("a batch to which the store gave an id is appended again under it, and once in all") {
  Unsure unsure(id);
  append_for_certain(unsure.store, {&entry, 1});
  CHECK(unsure.store.count(HookedStore::Call::append) == 2);
  CHECK(unsure.memory->get("k") == "bytes");
}

TEST_CASE("a batch with an id is appended again under it, whether or not the error names it") {
  Unsure unsure(std::nullopt);
  append_for_certain(unsure.store, {&entry, 1}, {.id = id});
  CHECK(unsure.store.count(HookedStore::Call::append) == 2);
  CHECK(unsure.memory->get("k") == "bytes");
}

TEST_CASE("the outcome stays unknown when the second time ends before it is sent") {
  Unsure unsure(id);
  unsure.store.before = [&](HookedStore::Call call, std::string_view) {
    if (unsure.store.count(call) == 2) throw TimeoutError("nothing was sent");
  };
  CHECK_THROWS_AS(append_for_certain(unsure.store, {&entry, 1}), UnknownOutcomeError);
  CHECK(unsure.memory->get("k") == "bytes");
}

}  // namespace
}  // namespace accrete::test
