// The contract of every Store: attributes, which are of the dataset itself.
#include <string>
#include <vector>

#include "contract/places.hpp"

namespace accrete::test {
namespace {

using namespace std::string_literals;

CONTRACT_CASE("a new store has no attributes", no_attributes) {
  CHECK(place.store().attributes().empty());
  CHECK_FALSE(place.store().attribute("a").has_value());
  CHECK(place.store().set_attribute("a", std::nullopt));
  CHECK(place.store().attributes().empty());
}

CONTRACT_CASE("an attribute is what it was set to last, and goes when it is removed", set_attributes) {
  const std::string bytes = "\0\xff\n\\"s + std::string(1000, '\0');
  CHECK(place.store().set_attribute("b", "old"));
  CHECK(place.store().set_attribute("b", bytes));
  CHECK(place.store().set_attribute("a.B-c_9", ""));
  CHECK(place.store().set_attribute("B", "third"));
  CHECK(place.store().attributes() == std::vector<std::string>{"B", "a.B-c_9", "b"});
  place.reopen();
  CHECK(place.store().attributes() == std::vector<std::string>{"B", "a.B-c_9", "b"});
  CHECK((place.store().attribute("b") == bytes));
  CHECK(place.store().attribute("a.B-c_9") == "");
  CHECK_FALSE(place.store().attribute("A").has_value());
  CHECK(place.store().set_attribute("b", std::nullopt));
  CHECK_FALSE(place.store().attribute("b").has_value());
  place.reopen();
  CHECK(place.store().attributes() == std::vector<std::string>{"B", "a.B-c_9"});
  place.check_sound();
}

CONTRACT_CASE("an attribute is set only if it is what is expected", expected_attributes) {
  Store& store = place.store();
  CHECK_FALSE(store.set_attribute("a", "1", {.expect_value = "0"}));
  CHECK_FALSE(store.set_attribute("a", "1", {.expect_value = ""}));
  CHECK_FALSE(store.attribute("a").has_value());
  CHECK(store.set_attribute("a", "1", {.expect_none = true}));
  CHECK_FALSE(store.set_attribute("a", "2", {.expect_none = true}));
  CHECK_FALSE(store.set_attribute("a", "1", {.expect_none = true}));
  CHECK_FALSE(store.set_attribute("a", "2", {.expect_value = "0"}));
  CHECK(store.attribute("a") == "1");
  CHECK(store.set_attribute("a", "2", {.expect_value = "1"}));
  CHECK(store.attribute("a") == "2");
  CHECK_FALSE(store.set_attribute("a", std::nullopt, {.expect_value = "1"}));
  CHECK(store.set_attribute("a", std::nullopt, {.expect_value = "2"}));
  CHECK_FALSE(store.attribute("a").has_value());
  const AttributeOptions both{.expect_none = true, .expect_value = "1"};
  CHECK_THROWS_WITH_AS(store.set_attribute("a", "1", both), doctest::Contains("leave one out"), InvalidArgumentError);
}

CONTRACT_CASE("what is no name of an attribute is refused", attribute_names) {
  Store& store = place.store();
  const std::string longest(max_attribute_name_size, 'n');
  CHECK(store.set_attribute(longest, "v"));
  CHECK(store.attribute(longest) == "v");
  for (const std::string& name : {""s, longest + "n", "a b"s, "a/b"s, "a\0b"s, "\xc3\xa9"s, "a\n"s, "a:b"s}) {
    CAPTURE(name);
    CHECK_THROWS_WITH_AS((void)store.attribute(name), doctest::Contains("1 to 64"), InvalidArgumentError);
    CHECK_THROWS_AS(store.set_attribute(name, "v"), InvalidArgumentError);
    CHECK_THROWS_AS(store.set_attribute(name, std::nullopt), InvalidArgumentError);
  }
  CHECK(store.attributes() == std::vector<std::string>{longest});
}

CONTRACT_CASE("attributes that are too large are refused, and change nothing", attribute_limits) {
  Store& store = place.store();
  const std::string largest(max_attribute_size, 'v');
  CHECK_THROWS_WITH_AS(store.set_attribute("a", largest + "v"), doctest::Contains("262144 at most"), TooLargeError);
  CHECK_THROWS_AS(store.set_attribute("a", "v", {.expect_value = largest + "v"}), TooLargeError);
  CHECK(store.attributes().empty());
  constexpr std::size_t many = max_attributes_size / max_attribute_size;
  const auto name = [](std::size_t i) { return "attribute" + std::to_string(i); };
  for (std::size_t i = 0; i + 1 < many; ++i) CHECK(store.set_attribute(name(i), largest));
  std::size_t left = max_attributes_size;
  for (const std::string& there : store.attributes()) left -= there.size() + max_attribute_size;
  const std::string last(left - 1, 'l');
  CHECK_THROWS_WITH_AS(store.set_attribute("b", last + "l"), doctest::Contains("1048576 at most"), TooLargeError);
  CHECK_FALSE(store.attribute("b").has_value());
  CHECK(store.set_attribute("b", last));
  CHECK((store.attribute("b") == last));
  CHECK_THROWS_AS(store.set_attribute("c", ""), TooLargeError);
  CHECK(store.set_attribute(name(0), "small", {.expect_value = largest}));
  CHECK(store.set_attribute("c", ""));
  place.reopen();
  CHECK(place.store().attribute(name(0)) == "small");
  CHECK((place.store().attribute(name(1)) == largest));
  CHECK((place.store().attribute("b") == last));
  place.check_sound();
}

CONTRACT_CASE("attributes have nothing to do with keys, and stay when all are dropped", attributes_and_keys) {
  Store& store = place.store();
  store.append("a", "value");
  CHECK(store.set_attribute("a", "attribute"));
  CHECK(store.set_attribute("b", "attribute"));
  CHECK(store.get("a") == "value");
  CHECK(store.list() == std::vector<KeySize>{{"a", 5}});
  CHECK(store.stats().keys == 1);
  CHECK(store.stats().bytes == 5);
  store.erase("a");
  CHECK(store.attribute("a") == "attribute");
  store.append("a", "again");
  store.drop();
  CHECK(store.list().empty());
  CHECK(store.attributes() == std::vector<std::string>{"a", "b"});
  place.reopen();
  CHECK(place.store().attribute("b") == "attribute");
  place.check_sound();
}

SHARED_CONTRACT_CASE("an attribute that one Store sets is there for another", shared_attributes) {
  const std::unique_ptr<Store> another = place.another();
  CHECK(place.store().set_attribute("a", "1", {.expect_none = true}));
  CHECK(another->attribute("a") == "1");
  CHECK_FALSE(another->set_attribute("a", "2", {.expect_none = true}));
  CHECK(another->set_attribute("a", "2", {.expect_value = "1"}));
  CHECK(place.store().attribute("a") == "2");
}

}  // namespace
}  // namespace accrete::test
