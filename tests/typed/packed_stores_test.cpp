// Packed<T> over all stores, over values that change while they are read, and over damaged ones.
#include <array>
#include <functional>
#include <numeric>

#include "support/hooked_store.hpp"
#include "typed/packed_values.hpp"
#include "typed/stores.hpp"

namespace accrete::test {
namespace {

using Call = HookedStore::Call;
using Strings = std::vector<std::string>;

/// Items that say where they stand, of several windows.
Strings numbered(const std::string& name, int count) {
  Strings items;
  for (int i = 0; i < count; ++i) items.push_back(name + std::to_string(i) + std::string(1000, name[0]));
  return items;
}

TEST_CASE("items come back from every store") {
  over_every_store([](std::unique_ptr<Store> store) {
    Packed<std::string> packed{std::move(store)};
    const Strings large = numbered("a", 1000);
    const Strings small = {"x", "", "z"};
    packed.append_items("large", large);
    for (const std::string& item : small) packed.append("small", item);
    for (int flushed = 0; flushed < 2; ++flushed) {
      const std::array<std::string_view, 3> keys = {"small", "gone", "large"};
      CHECK((packed.get_batch(keys) == std::vector<Strings>{small, {}, large}));
      CHECK((packed.get("small") == small));
      CHECK((read_all(packed, "large") == large));
      CHECK((read_all(packed, "small") == small));
      packed.store().flush();
    }
  });
}

/// What comes in the place of the value while it is read.
struct Successor {
  std::string name;
  Strings items;
};

const Strings old_items = numbered("a", 1500);

const std::vector<Successor>& successors() {
  static const std::vector<Successor> all = {{"nothing", {}},
                                             {"as many", numbered("b", 1500)},
                                             {"fewer", numbered("b", 1000)},
                                             {"a part of it", numbered("a", 1000)},
                                             {"more and longer", numbered("before", 2000)},
                                             {"few", {"b"}}};
  return all;
}

/// Reads in a store in which `change` is made before the n-th call, for each n until there are fewer; the items are
/// `old` or `next`, or those of `old` up to an ErasedError. Returns how many errors there were.
template <typename T>
std::size_t check_changes(const std::vector<T>& old, const std::vector<T>& next,
                          const std::function<void(Store&)>& change) {
  std::size_t errors = 0;
  int n = 0;
  for (bool is_changed = true; is_changed; ++n) {
    CAPTURE(n);
    const std::unique_ptr<Store> memory = memory_store();
    memory->append("other", "");
    Packed<T>{*memory}.append_items("k", old);
    HookedStore store(*memory);
    is_changed = false;
    int calls = 0;
    store.before = [&](Call, std::string_view) {
      if (calls++ != n) return;
      change(*memory);
      is_changed = true;
    };
    std::vector<T> read;
    try {
      for (T& item : Packed<T>{store}.reader("k")) read.push_back(std::move(item));
      CHECK((read == old || read == next));
    } catch (const ErasedError& error) {
      CHECK(std::string(error.what())
                .starts_with("cannot read item " + std::to_string(read.size() + 1) + " of key 'k': it was erased"));
      REQUIRE(read.size() <= old.size());
      CHECK(std::equal(read.begin(), read.end(), old.begin()));
      ++errors;
    }
  }
  CHECK(n > 5);
  return errors;
}

template <typename T>
std::function<void(Store&)> begin_anew(const std::vector<T>& items) {
  return [&items](Store& store) {
    store.erase("k");
    if (!items.empty()) Packed<T>{store}.append_items("k", items);
  };
}

TEST_CASE("a reader's items are of one value, or end with an ErasedError, whenever the value is begun anew") {
  for (const Successor& successor : successors()) {
    CAPTURE(successor.name);
    CHECK(check_changes(old_items, successor.items, begin_anew(successor.items)) > 0);
  }
  const std::vector<int> numbers(400'000, 1);
  for (const std::vector<int>& next : {std::vector<int>(2, 2), std::vector<int>(500'000, 3)}) {
    CHECK(check_changes(numbers, next, begin_anew(next)) > 0);
  }
}

TEST_CASE("a value that is begun anew with the same bytes is the same, and an erase of other keys disturbs no reader") {
  const auto renew = [](Store& store) {
    const std::string value = store.get("k");
    store.erase("k");
    store.append("k", value);
  };
  CHECK(check_changes(old_items, {}, renew) == 0);
  CHECK(check_changes(old_items, {}, [](Store& store) { store.erase("other"); }) == 0);
}

TEST_CASE("a value that grows while it is read is read as it was when the reader was made") {
  const std::unique_ptr<Store> memory = memory_store();
  Packed<std::string> packed{*memory};
  packed.append_items("k", old_items);
  auto reader = packed.reader("k");
  Strings read;
  while (std::optional<std::string> item = reader.next()) {
    packed.append("k", "more");
    read.push_back(std::move(*item));
  }
  CHECK((read == old_items));
}

TEST_CASE("a reader that others disturb without end gives up") {
  const std::unique_ptr<Store> memory = memory_store();
  Packed<std::string>{*memory}.append_items("k", old_items);
  HookedStore store(*memory);
  store.after = [&](Call, std::string_view) {
    memory->append("other", "");
    memory->erase("other");
  };
  CHECK_THROWS_AS(read_all(Packed<std::string>{store}, "k"), ErasedError);
}

TEST_CASE("a small value is read in one step") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  Packed<std::string> packed{store};
  packed.append("k", "x");
  store.forget_counts();
  CHECK(read_all(packed, "k").size() == 1);
  CHECK(store.count(Call::get_range) == 1);
  CHECK(store.count(Call::size) == 0);
  CHECK(store.count(Call::removals) == 0);
}

TEST_CASE("want of memory in the store is an error of accrete") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  Packed<std::string> packed{store};
  packed.append_items("k", old_items);
  for (int n = 0; n < 2; ++n) {
    int calls = 0;
    store.before = [&](Call call, std::string_view) {
      if (call == Call::get_range && calls++ == 2 * n) throw std::bad_alloc();
    };
    CHECK_THROWS_WITH_AS(read_all(packed, "k"), doctest::Contains("of key 'k': it does not fit into memory"),
                         TooLargeError);
  }
}

TEST_CASE("a batch that holds a damaged value is an error that names its key") {
  Packed<std::string> packed{memory_store()};
  packed.append("a", "x");
  packed.store().append("b", "\xa1x\xa2y"_b);
  packed.store().append("c", "\x01"_b);
  const std::array<std::string_view, 2> damaged = {"a", "b"};
  CHECK_THROWS_WITH_AS(static_cast<void>(packed.get_batch(damaged)),
                       doctest::Contains("cannot read item 2 of key 'b': "), CorruptionError);
  const std::array<std::string_view, 2> other = {"a", "c"};
  CHECK_THROWS_WITH_AS(static_cast<void>(packed.get_batch(other)),
                       doctest::Contains("cannot read item 1 of key 'c' as"), TypeMismatchError);
  const std::array<std::string_view, 1> sound = {"a"};
  CHECK(packed.get_batch(sound).at(0) == Strings{"x"});
}

/// With the checksums of pieces, and nothing made smaller.
std::unique_ptr<Store> with_checksums(Store& below) {
  return compressed(std::make_unique<HookedStore>(below), Codec{});
}

std::unique_ptr<Store> holding(std::string_view value) {
  std::unique_ptr<Store> store = memory_store();
  store->append("k", value);
  return store;
}

TEST_CASE("an item in part takes what is appended after it for its rest, but not over compressed values") {
  Packed<msgpack::type::variant> bare{holding("\xa5"_b + "ab")};
  for (const std::uint64_t item : {3U, 4U, 5U, 6U}) bare.append("k", msgpack::type::variant(item));
  CHECK(bare.get("k").at(0).as_string() == "ab\3\4\5");

  const std::unique_ptr<Store> whole = memory_store();
  Packed<std::string>{with_checksums(*whole)}.append("k", "abcde");
  const std::string frame = whole->get("k");
  for (std::size_t size = 1; size < frame.size(); ++size) {
    const std::unique_ptr<Store> below = holding(std::string_view(frame).substr(0, size));
    const Packed<std::string> packed{with_checksums(*below)};
    below->append("k", frame);
    CHECK_THROWS_AS(static_cast<void>(packed.get("k")), CorruptionError);
  }
}

TEST_CASE("each byte of a value that is damaged is noticed over compressed values") {
  const std::unique_ptr<Store> whole = memory_store();
  Packed<std::vector<int>>{with_checksums(*whole)}.append("k", {1, 2, 3});
  const std::string frame = whole->get("k");
  for (std::size_t i = 0; i < frame.size(); ++i) {
    std::string damaged = frame;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    const std::unique_ptr<Store> below = holding(damaged);
    const Packed<std::vector<int>> packed{with_checksums(*below)};
    CHECK_THROWS_AS(static_cast<void>(packed.get("k")), Error);
    CHECK_THROWS_AS(read_all(packed, "k"), Error);
  }
}

}  // namespace
}  // namespace accrete::test
