// The contract of every Store: what is appended to a key is read back, by all functions that read.
#include <algorithm>

#include "contract/places.hpp"
#include "support/campaign.hpp"
#include "support/model.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

using namespace std::string_literals;

CONTRACT_CASE("a new store is empty", new_is_empty) {
  const Store& store = place.store();
  CHECK(store.list().empty());
  CHECK(store.stats().keys == 0);
  CHECK(store.stats().bytes == 0);
  CHECK_FALSE(store.last_sequence(writer_id(1)).has_value());
  place.check_sound();
}

CONTRACT_CASE("a missing key reads as empty and has no size", missing_key) {
  Store& store = place.store();
  store.append("there", "x");
  CHECK(store.get("missing").empty());
  CHECK(store.get_range("missing", 0, 10).empty());
  CHECK_FALSE(store.size("missing").has_value());
  const std::vector<std::string_view> keys = {"missing", "there"};
  CHECK(store.get_batch(keys) == std::vector<std::string>{"", "x"});
}

CONTRACT_CASE("a value is its entries in the order of the appends", order) {
  Store& store = place.store();
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    const std::string piece = std::to_string(i) + ";";
    store.append("key", piece);
    expected += piece;
    REQUIRE(store.size("key") == expected.size());
  }
  CHECK(store.get("key") == expected);
  place.reopen();
  place.store().append("key", "end");
  CHECK(place.store().get("key") == expected + "end");
}

CONTRACT_CASE("empty bytes bring an empty value into being", empty_bytes) {
  Store& store = place.store();
  store.append("key", "");
  CHECK(store.size("key") == 0);
  CHECK(store.list() == std::vector<KeySize>{{"key", 0}});
  CHECK(store.stats().keys == 1);
  store.append("key", "");
  store.append("key", "x");
  store.append("key", "");
  place.reopen();
  CHECK(place.store().get("key") == "x");
  place.check_sound();
}

CONTRACT_CASE("hostile keys each have a value of their own", hostile_keys) {
  Model model;
  std::vector<std::string> keys = {
      ".",      "..",       "/",        "/abs",    "a/../b",   "../x", "a/",   "a",   "A",     "aB",       "Ab",
      "\0"s,    "a\0b"s,    "a\0"s,     "%",       "%%",       "%25",  "a%/b", "a%",  ".lock", ".accrete", ".control",
      ".owner", ".journal", ".writers", ".server", "\xFF\xFE", "a\nb", " ",    "-rf", "é"};
  for (const char byte : {'%', '.', '/', 'x', '\0', '\xFF'}) {
    for (const int size : {80, 239, 240, 241, 480, 1023, 1024}) keys.emplace_back(static_cast<std::size_t>(size), byte);
  }
  for (const char last : {'a', 'b', 'A', '.', '\0'}) keys.push_back(std::string(1023, 'k') + last);
  for (const std::string& key : keys) {
    const Entry entry{key, key};
    place.store().append(key, key);
    model.append_batch({&entry, 1});
  }
  CHECK(difference(place.store(), model) == "");
  place.reopen();
  CHECK(difference(place.store(), model) == "");
  place.check_sound();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    place.store().erase(keys[i]);
    model.erase(keys[i]);
    CHECK_FALSE(place.store().size(keys[i]).has_value());
    if (i % campaign_stride() == 0) REQUIRE(difference(place.store(), model) == "");
  }
  CHECK(difference(place.store(), model) == "");
  place.check_sound();
}

CONTRACT_CASE("values of any bytes and of megabytes come back exactly", binary_values) {
  Random random(5);
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  const std::string big = random_bytes(random, 9'000'001);
  place.store().append("all", all_bytes);
  place.store().append("big", big);
  place.store().append("big", all_bytes);
  place.reopen();
  CHECK(place.store().get("all") == all_bytes);
  CHECK((place.store().get("big") == big + all_bytes));
  CHECK(place.store().get_range("big", big.size() - 2, 4) == big.substr(big.size() - 2) + all_bytes.substr(0, 2));
}

CONTRACT_CASE("an empty and a too long key are refused by every function", invalid_keys) {
  Store& store = place.store();
  store.append("key", "x");
  for (const std::string& key : {""s, std::string(max_key_size + 1, 'k')}) {
    const std::vector<std::string_view> keys = {"key", key};
    CHECK_THROWS_AS(store.append(key, "y"), InvalidKeyError);
    CHECK_THROWS_AS(static_cast<void>(store.get(key)), InvalidKeyError);
    CHECK_THROWS_AS(static_cast<void>(store.get_batch(keys)), InvalidKeyError);
    CHECK_THROWS_AS(static_cast<void>(store.get_range(key, 0, 1)), InvalidKeyError);
    CHECK_THROWS_AS(static_cast<void>(store.size(key)), InvalidKeyError);
    CHECK_THROWS_AS(store.erase(key), InvalidKeyError);
  }
  CHECK(store.list() == std::vector<KeySize>{{"key", 1}});
}

CONTRACT_CASE("get_batch answers in the order asked, also for repeated and missing keys", get_batch) {
  Store& store = place.store();
  store.append("a", "1");
  store.append("b", "2");
  const std::vector<std::string_view> keys = {"b", "none", "a", "b"};
  CHECK(store.get_batch(keys) == std::vector<std::string>{"2", "", "1", "2"});
  CHECK(store.get_batch({}).empty());
}

CONTRACT_CASE("get_range yields what lies in the range and no more", get_range) {
  Store& store = place.store();
  store.append("key", "0123");
  store.append("key", "456789");
  constexpr std::uint64_t huge = ~std::uint64_t{0};
  CHECK(store.get_range("key", 0, 10) == "0123456789");
  CHECK(store.get_range("key", 3, 2) == "34");
  CHECK(store.get_range("key", 3, 0).empty());
  CHECK(store.get_range("key", 9, 1) == "9");
  CHECK(store.get_range("key", 9, 2) == "9");
  CHECK(store.get_range("key", 10, 1).empty());
  CHECK(store.get_range("key", 11, 1).empty());
  CHECK(store.get_range("key", 0, huge) == "0123456789");
  CHECK(store.get_range("key", 4, huge) == "456789");
  CHECK(store.get_range("key", huge, huge).empty());
  CHECK(store.get_range("key", huge, 0).empty());
  CHECK(store.get_range("key", huge - 1, 2).empty());
}

CONTRACT_CASE("get_range_into fills the front of what it is given", get_range_into) {
  Store& store = place.store();
  constexpr std::uint64_t huge = ~std::uint64_t{0};
  Random random(7);
  const std::string large = random_bytes(random, 3'000'000);
  store.append("key", "0123");
  store.append("key", large);
  store.flush();
  store.append("key", "456789");
  store.append("empty", "");
  const auto range = [&](std::string_view key, std::uint64_t offset, std::size_t size) {
    std::string room(size + 1, '-');
    const std::size_t filled = store.get_range_into(key, offset, std::span(room).first(size));
    CHECK(room.find_first_not_of('-', filled) == std::string::npos);
    return room.substr(0, filled);
  };
  CHECK(range("key", 0, 3) == "012");
  CHECK(range("key", 1, 0).empty());
  const std::string all = "0123" + large + "456789";
  const std::uint64_t after = 4 + large.size();
  CHECK((range("key", 2, large.size()) == all.substr(2, large.size())));
  CHECK((range("key", 0, all.size() + 10) == all));
  CHECK(range("key", after - 1, 4) == all.substr(after - 1, 4));
  CHECK(range("key", after + 2, 3) == "678");
  CHECK(range("key", after + 4, 10) == "89");
  CHECK(range("key", after + 6, 10).empty());
  CHECK(range("key", huge, 10).empty());
  CHECK(range("missing", 0, 10).empty());
  CHECK(range("empty", 0, 10).empty());
  std::string room(1, '-');
  CHECK_THROWS_AS(static_cast<void>(store.get_range_into("", 0, room)), InvalidKeyError);
}

CONTRACT_CASE("list is in byte order, whatever prefix, after and limit ask", list_options) {
  Model model;
  const std::vector<std::string> keys = {"a",
                                         "aa",
                                         "ab",
                                         "ab\0"s,
                                         "ab\xFF",
                                         "abc",
                                         "b",
                                         "B",
                                         ".x",
                                         "a.b",
                                         "a/b",
                                         "%",
                                         "\xFF",
                                         "\0"s,
                                         "\xFF\xFF",
                                         "a%",
                                         std::string(300, 'a'),
                                         std::string(1024, 'a'),
                                         std::string(1024, 'z')};
  for (const std::string& key : keys) {
    const Entry entry{key, std::string_view(key).substr(1)};
    place.store().append_batch({&entry, 1});
    model.append_batch({&entry, 1});
  }
  std::vector<std::string> probes = {"",
                                     "a",
                                     "ab",
                                     "abc",
                                     "abd",
                                     "\xFF",
                                     "\xFF\xFF",
                                     "\xFF\xFF\xFF",
                                     "zz",
                                     "\0"s,
                                     "A",
                                     std::string(239, 'a'),
                                     std::string(240, 'a'),
                                     std::string(1025, 'a')};
  for (const std::string& prefix : probes) {
    for (const std::optional<std::size_t> limit : {std::optional<std::size_t>(), {0}, {1}, {3}, {1000}}) {
      const ListOptions no_after{.prefix = prefix, .limit = limit};
      REQUIRE(place.store().list(no_after) == model.list(no_after));
      for (const std::string& after : probes) {
        const ListOptions options{.prefix = prefix, .after = after, .limit = limit};
        REQUIRE(place.store().list(options) == model.list(options));
      }
    }
  }
}

CONTRACT_CASE("pages of list, each after the last key of the one before, are the whole list", pages) {
  Random random(6);
  for (int i = 0; i < 200; ++i) place.store().append(random_bytes(random, 1 + random_below(random, 4)), "x");
  std::vector<KeySize> pages;
  for (;;) {
    ListOptions options{.limit = 7};
    if (!pages.empty()) options.after = pages.back().key;
    const std::vector<KeySize> page = place.store().list(options);
    pages.insert(pages.end(), page.begin(), page.end());
    if (page.size() < 7) break;
  }
  CHECK(pages == place.store().list());
}

CONTRACT_CASE("an erased key is gone, its neighbours stay and it can begin anew", erase) {
  const std::string long_key(1000, 'k');
  const std::string neighbour = std::string(999, 'k') + "l";
  for (const std::string& key : {"a"s, "b"s, long_key, neighbour}) place.store().append(key, "old" + key);
  place.store().erase("a");
  place.store().erase(long_key);
  place.store().erase("never there");
  place.store().erase(std::string(700, 'k'));
  CHECK_FALSE(place.store().size("a").has_value());
  CHECK(place.store().get("a").empty());
  CHECK(place.store().get("b") == "oldb");
  CHECK(place.store().get(neighbour) == "old" + neighbour);
  CHECK(place.store().stats().keys == 2);
  place.check_sound();
  place.store().append("a", "new");
  place.store().append(long_key, "new");
  place.reopen();
  CHECK(place.store().get("a") == "new");
  CHECK(place.store().get(long_key) == "new");
  place.store().erase("a");
  place.store().erase("a");
  place.check_sound();
}

CONTRACT_CASE("drop removes all keys and the store goes on", drop) {
  place.store().drop();
  for (int i = 0; i < 100; ++i) place.store().append("key" + std::to_string(i), "x");
  place.store().append(std::string(1024, 'k'), "y");
  place.store().append(".", "z");
  place.store().drop();
  CHECK(place.store().list().empty());
  CHECK(place.store().stats().keys == 0);
  CHECK(place.store().stats().bytes == 0);
  CHECK(place.store().get("key1").empty());
  place.check_sound();
  place.store().append("key1", "new");
  place.reopen();
  CHECK(place.store().list() == std::vector<KeySize>{{"key1", 3}});
  place.check_sound();
}

CONTRACT_CASE("removals tells of each erase and drop, and of nothing else", removals) {
  std::vector<std::uint64_t> seen = {place.store().removals()};
  const auto has_changed = [&] {
    const std::uint64_t removals = place.store().removals();
    const bool is_new = std::find(seen.begin(), seen.end(), removals) == seen.end();
    seen.push_back(removals);
    return is_new;
  };
  place.store().append("a", "1");
  place.store().append("b", std::string(300'000, '2'));
  place.store().flush();
  place.store().append("a", "3");
  place.store().sync();
  CHECK(place.store().removals() == seen.back());
  place.store().erase("a");
  CHECK(has_changed());
  place.store().append("new", "4");
  place.store().erase("new");  // of which a buffer has handed nothing down
  CHECK(has_changed());
  place.store().drop();
  CHECK(has_changed());
  place.store().append("a", "5");
  place.reopen();
  static_cast<void>(has_changed());  // it may have
  place.store().erase("a");
  CHECK(has_changed());
}

CONTRACT_CASE("flush and sync change nothing that can be read", flush_and_sync) {
  place.store().sync();
  place.store().flush();
  place.store().append("a", "1");
  place.store().flush();
  place.store().append("a", "2");
  place.store().sync();
  place.store().append("a", "3");
  place.store().sync();
  place.store().sync();
  place.reopen();
  CHECK(place.store().get("a") == "123");
  place.check_sound();
}

SHARED_CONTRACT_CASE("two Stores of one dataset see each other's appends, erases and drops at once", two_stores) {
  const std::unique_ptr<Store> other = place.another();
  Store& store = place.store();
  store.append("a", "1");
  CHECK(other->get("a") == "1");
  other->append("a", "2");
  CHECK(store.get("a") == "12");
  other->erase("a");
  store.append("a", "3");
  CHECK(other->get("a") == "3");
  CHECK(other->stats().bytes == 1);
  store.drop();
  CHECK(other->list().empty());
  other->append("a", "4");
  store.append("a", "5");
  CHECK(store.get("a") == "45");
  CHECK(other->get("a") == "45");
  CHECK(store.stats().bytes == 2);
  place.check_sound();
}

SHARED_CONTRACT_CASE("one Store's removals tell of what another erases", two_stores_removals) {
  const auto other = place.another();
  place.store().append("a", "1");
  const std::uint64_t before = place.store().removals();
  other->append("a", "2");
  CHECK(place.store().removals() == before);
  other->erase("a");
  CHECK(place.store().removals() != before);
}

SHARED_CONTRACT_CASE("a long key erased and begun anew by one Store is found by another", two_stores_long) {
  const std::unique_ptr<Store> other = place.another();
  const std::string key(1024, '/');
  for (int i = 0; i < 20; ++i) {
    place.store().append(key, "old");
    other->append(key, "more");
    place.store().erase(key);
    other->append(key, "new");
    REQUIRE(place.store().get(key) == "new");
    other->erase(key);
  }
  place.check_sound();
}

}  // namespace
}  // namespace accrete::test
