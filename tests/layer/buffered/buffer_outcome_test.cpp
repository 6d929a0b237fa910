// Tests of a buffer whose store fails a change and then cannot say whether it was made.
#include <accrete/accrete.hpp>
#include <cerrno>
#include <doctest/doctest.h>
#include <memory>
#include <string>

#include "support/hooked_store.hpp"
#include "support/model.hpp"

namespace accrete::test {
namespace {

constexpr std::uint64_t smallest_buffer = std::uint64_t{1} << 20;
using Call = HookedStore::Call;

/// Fails such calls, before or after what they do.
void fail(HookedStore& store, Call call, bool before) {
  const auto hook = [call](Call made, std::string_view) {
    if (made == call) throw IoError("reach", "the store", EIO);
  };
  (before ? store.before : store.after) = hook;
}

TEST_CASE(
    "a large batch that failed below is an open outcome where it cannot be told, and is applied once when it is sent "
    "again") {
  const std::string large(smallest_buffer / 2, 'l');
  const Entry entry{"k", large};
  const BatchId id{.writer = writer_id(1), .sequence = 3};
  for (const bool was_applied : {false, true}) {
    for (const bool can_be_told : {false, true}) {
      CAPTURE(was_applied);
      CAPTURE(can_be_told);
      const std::unique_ptr<Store> memory = memory_store();
      auto hooked = std::make_unique<HookedStore>(*memory);
      HookedStore& below = *hooked;
      const std::unique_ptr<Store> store = buffered(std::move(hooked), {.limit_bytes = smallest_buffer});
      store->append_batch({}, {.id = BatchId{.writer = id.writer, .sequence = 1}});  // the buffer knows the writer
      store->flush();
      fail(below, Call::append, !was_applied);
      if (!can_be_told) fail(below, Call::last_sequence, was_applied);
      bool is_told = false;
      try {
        store->append_batch({&entry, 1}, {.id = id});
        is_told = was_applied;
      } catch (const UnknownOutcomeError& error) {
        REQUIRE(error.batch().has_value());
        CHECK((error.batch()->writer == id.writer && error.batch()->sequence == id.sequence));
        CHECK_FALSE(can_be_told);
      } catch (const IoError&) {
        is_told = !was_applied;
      }
      CHECK(is_told == can_be_told);
      below.before = below.after = {};
      for (int i = 0; i < 2; ++i) store->append_batch({&entry, 1}, {.id = id});
      CHECK(store->get("k") == large);
    }
  }
}

}  // namespace
}  // namespace accrete::test
