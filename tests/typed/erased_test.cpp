// Values that are erased, and begun anew, between the steps in which they are read.
#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <accrete/numeric.hpp>
#include <array>
#include <doctest/doctest.h>
#include <functional>

#include "support/hooked_store.hpp"

namespace accrete::test {
namespace {

using Numbers = std::vector<double>;
using Call = HookedStore::Call;

/// Several windows of them.
const Numbers old_numbers(100'000, 1);

/// What comes in the place of the old value, by many small appends or few large ones.
struct Successor {
  std::string name;
  Numbers numbers;
  std::size_t appended_at_once;
};

const std::array<Successor, 5> successors = {{{"nothing", {}, 1},
                                              {"as many", Numbers(100'000, 2), 100'000},
                                              {"fewer", Numbers(70'000, 2), 70'000},
                                              {"as many in other pieces", Numbers(100'000, 2), 5'000},
                                              {"few", Numbers(3, 2), 3}}};

void replace(Store& store, const Successor& successor) {
  store.erase("k");
  for (std::size_t i = 0; i < successor.numbers.size(); i += successor.appended_at_once) {
    Numeric<double>{store}.append("k", std::span(successor.numbers).subspan(i, successor.appended_at_once));
  }
}

/// Calls `read` with a store in which `change` is made before the n-th call, for each n until there are fewer. It
/// returns whether what it has read is of one value.
void check_changes(const std::function<void(Store&)>& change, const std::function<bool(Store&)>& read) {
  int n = 0;
  for (bool is_changed = true; is_changed; ++n) {
    const std::unique_ptr<Store> memory = memory_store();
    Numeric<double>{*memory}.append("k", old_numbers);
    memory->append("other", "");
    HookedStore store(*memory);
    is_changed = false;
    int calls = 0;
    store.before = [&](Call, std::string_view) {
      if (calls++ != n) return;
      change(*memory);
      is_changed = true;
    };
    CAPTURE(n);
    CHECK(read(store));
  }
  CHECK(n > 4);
}

TEST_CASE("get, get_into and size are of one value, whenever it is erased and begun anew") {
  for (const Successor& successor : successors) {
    CAPTURE(successor.name);
    const auto change = [&](Store& store) { replace(store, successor); };
    const auto is_one = [&](const Numbers& read) { return read == old_numbers || read == successor.numbers; };
    check_changes(change, [&](Store& store) { return is_one(Numeric<double>{store}.get("k")); });
    check_changes(change, [&](Store& store) {
      Numbers room(200'000);
      room.resize(Numeric<double>{store}.get_into("k", room));
      return is_one(room);
    });
    check_changes(change, [&](Store& store) {
      const std::optional<std::uint64_t> size = Numeric<double>{store}.size("k");
      const std::size_t next = successor.numbers.size();
      return size == old_numbers.size() || (next > 0 ? size == next : !size);
    });
  }
}

TEST_CASE("pieces of a value that is erased and begun anew are of one value, or end with an ErasedError") {
  for (const Successor& successor : successors) {
    CAPTURE(successor.name);
    std::size_t errors = 0;
    check_changes([&](Store& store) { replace(store, successor); },
                  [&](Store& store) {
                    try {
                      const Numbers all = Numeric<double>{store}.pieces("k").rest();
                      return all == old_numbers || all == successor.numbers;
                    } catch (const ErasedError&) {
                      return ++errors > 0;
                    }
                  });
    CHECK(errors > 0);
  }
}

TEST_CASE("another type that comes in the place of a value is not taken for damage") {
  const auto change = [](Store& store) {
    store.erase("k");
    Numeric<float>{store}.append("k", std::vector<float>(200'000, 2));
  };
  check_changes(change, [](Store& store) {
    try {
      return Numeric<double>{store}.get("k") == old_numbers;
    } catch (const TypeMismatchError&) {
      return Numeric<float>{store}.size("k") == 200'000;
    }
  });
}

TEST_CASE("an erase of other keys disturbs nobody who reads") {
  check_changes([](Store& store) { store.erase("other"); },
                [](Store& store) {
                  const Numeric<double> numeric{store};
                  return numeric.pieces("k").rest() == old_numbers && numeric.get("k") == old_numbers &&
                         numeric.size("k") == old_numbers.size();
                });
}

TEST_CASE("where others erase all the time, values are read at once, and pieces end with an ErasedError") {
  const std::unique_ptr<Store> memory = memory_store();
  Numeric<double>{*memory}.append("k", old_numbers);
  HookedStore store(*memory);
  store.before = [&](Call, std::string_view) {
    memory->append("other", "");
    memory->erase("other");
  };
  const Numeric<double> numeric{store};
  CHECK(numeric.get("k") == old_numbers);
  CHECK(numeric.size("k") == old_numbers.size());
  CHECK_THROWS_AS(static_cast<void>(numeric.pieces("k").rest()), ErasedError);
}

TEST_CASE("damage is told from an erase of other keys") {
  const std::unique_ptr<Store> memory = memory_store();
  Numeric<double>{*memory}.append("k", old_numbers);
  std::string damaged = memory->get("k");
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  check_changes(
      [&](Store& store) {
        store.erase("k");
        store.append("k", damaged);
      },
      [&](Store& store) {
        try {
          return Numeric<double>{store}.get("k") == old_numbers;
        } catch (const CorruptionError&) {
          return true;
        }
      });
}

TEST_CASE("a small value is read by one call, and a large one by two more than its windows") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  const Numeric<double> numeric{store};
  Numeric<double>{*memory}.append("small", {1});
  Numeric<double>{*memory}.append("large", old_numbers);
  CHECK(numeric.get("small").size() == 1);
  CHECK(store.count(Call::get_range) == 1);
  CHECK(numeric.size("small") == 1);
  CHECK(store.count(Call::get_range) == 2);
  CHECK(store.count(Call::removals) == 0);
  CHECK(store.count(Call::size) == 0);
  store.forget_counts();
  CHECK(numeric.get("large") == old_numbers);
  CHECK(store.count(Call::get_range) == 5);  // four windows of a piece, of which the first is read twice
  CHECK(store.count(Call::removals) == 2);
  CHECK(store.count(Call::size) == 1);
}

}  // namespace
}  // namespace accrete::test
