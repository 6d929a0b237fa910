// Tests of base/key_name.hpp.
#include "base/key_name.hpp"

#include <accrete/store.hpp>
#include <algorithm>
#include <doctest/doctest.h>
#include <set>
#include <string>
#include <vector>

#include "support/campaign.hpp"
#include "support/random_bytes.hpp"

namespace accrete {
namespace {

using namespace std::string_literals;

std::vector<std::string> components(std::string_view name) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = name.find('/', begin);
    parts.emplace_back(name.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

/// What holds for the name of every key. REQUIRE is called only where it fails: it is slow a million times.
void require_good_name(const std::string& key) {
  const std::string name = key_to_name(key);
  if (name_to_key(name) != key) FAIL("the name ", name, " is not undone");
  const std::vector<std::string> parts = components(name);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (part.empty() || part.front() == '.' || part.size() > max_component) FAIL("bad component in ", name);
    const auto is_allowed = [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
             c == '.' || c == ' ' || c == '%';
    };
    if (!std::all_of(part.begin(), part.end(), is_allowed)) FAIL("a byte that is not plain in ", name);
    // Only a directory ends in a bare "%", so that no file can stand where another key needs a directory.
    const bool is_directory = i + 1 < parts.size();
    if ((part.back() == '%') != is_directory) FAIL("file and directory can be mixed up in ", name);
  }
}

std::string random_key(test::Random& random) {
  constexpr std::string_view hostile = "%./\\ %%..aA-_~\x80\xFF\n";
  const std::size_t cut = max_component - 6 + test::random_below(random, 12);
  const std::size_t size = test::one_in(random, 16)  ? 1 + test::random_below(random, max_key_size)
                           : test::one_in(random, 8) ? cut
                                                     : 1 + test::random_below(random, 12);
  switch (test::random_below(random, 3)) {
    case 0:
      return test::random_bytes(random, size);
    case 1:
      return test::random_text(random, size, hostile);
    default:
      return test::random_text(random, size, "ab.%");
  }
}

TEST_CASE("plain keys are their own names") {
  for (const std::string_view key : {"x", "SFO", "user-42", "a_b.csv", "two words", "2024-01-31"}) {
    CHECK(key_to_name(key) == key);
  }
}

TEST_CASE("every other byte is % and two upper-case digits") {
  CHECK(key_to_name("a/b") == "a%2Fb");
  CHECK(key_to_name("100%") == "100%25");
  CHECK(key_to_name("\0"s) == "%00");
  CHECK(key_to_name("\xFF\n") == "%FF%0A");
  CHECK(key_to_name("a:b|c") == "a%3Ab%7Cc");
}

TEST_CASE("a dot is written out at the front only") {
  CHECK(key_to_name(".") == "%2E");
  CHECK(key_to_name("..") == "%2E.");
  CHECK(key_to_name(".hidden") == "%2Ehidden");
  CHECK(key_to_name("a.b..") == "a.b..");
}

TEST_CASE("a key that fills a component needs no directory, and one byte more does") {
  CHECK(key_to_name(std::string(max_component, 'k')) == std::string(max_component, 'k'));
  CHECK(key_to_name(std::string(max_component + 1, 'k')) == std::string(max_component - 1, 'k') + "%/kk");
}

TEST_CASE("a million random keys have good names that are undone") {
  test::Random random(3);
  for (int i = 0; i < test::campaign_steps(1'000'000); ++i) require_good_name(random_key(random));
}

TEST_CASE("a key of every length from 1 to 1024 has a good name that is undone") {
  for (const char byte : {'a', '.', '%', '/', '\0'}) {
    for (std::size_t size = 1; size <= max_key_size; ++size) require_good_name(std::string(size, byte));
  }
}

TEST_CASE("all keys of one and of two bytes have different names") {
  std::set<std::string> names;
  for (int first = 0; first < 256; ++first) {
    names.insert(key_to_name(std::string(1, static_cast<char>(first))));
    for (int second = 0; second < 256; ++second) {
      names.insert(key_to_name(std::string{static_cast<char>(first), static_cast<char>(second)}));
    }
  }
  CHECK(names.size() == 256 + 65536);
}

TEST_CASE("hostile keys stay in the dataset, keep apart and are undone") {
  std::vector<std::string> keys = {
      ".",       "..", "/",   "/abs",     "/etc/passwd", "a/../b",   "../x",   "a/",       "a//b",     "a",
      "A",       "aB", "Ab",  "\0"s,      "a\0b"s,       "a\0"s,     "%",      "%%",       "%25",      "%2F",
      "a%/b",    "a%", "%/",  ".accrete", ".lock",       ".control", ".owner", ".journal", ".writers", ".server",
      "accrete", "~",  "-rf", " ",        "con",         "a\\b",     "a\nb"};
  for (const char byte : {'%', '.', '/', 'x', '\0', '\xFF'}) {
    for (const int size : {79, 80, 81, 238, 239, 240, 241, 242, 478, 479, 480, 481, 1023, 1024}) {
      keys.emplace_back(static_cast<std::size_t>(size), byte);
    }
  }
  for (const char last : {'a', 'b', 'A', '.', '/', '%', '\0'}) {
    keys.push_back(std::string(1023, 'k') + last);
    keys.push_back(std::string(max_component - 1, 'k') + last);
    keys.push_back(std::string(max_component, 'k') + last);
  }
  std::set<std::string> names;
  for (const std::string& key : keys) {
    require_good_name(key);
    names.insert(key_to_name(key));
  }
  CHECK(names.size() == std::set(keys.begin(), keys.end()).size());
  for (const std::string& name : names) {
    const auto next = names.lower_bound(name + "/");
    const bool also_directory = next != names.end() && next->starts_with(name + "/");
    CHECK_FALSE_MESSAGE(also_directory, name);
  }
}

TEST_CASE("what is not the name of a key is refused") {
  const std::string full(max_component - 1, 'k');
  const std::vector<std::string> names = {"",
                                          ".",
                                          "..",
                                          ".accrete",
                                          ".lock",
                                          ".control",
                                          "/",
                                          "/x",
                                          "x/",
                                          "a/b",
                                          "a//b",
                                          "../x",
                                          "x/..",
                                          "%",
                                          "%%",
                                          "a%",
                                          "%2",
                                          "a%2",
                                          "%2f",
                                          "%zz",
                                          "%41",
                                          "%5F",
                                          "%20",
                                          "a%2E",
                                          "a%/b",
                                          "%/a",
                                          "a%/",
                                          "%2E%/x",
                                          "a\nb",
                                          "a\0"s,
                                          "é",
                                          "a~b",
                                          "a:b",
                                          full + "%/",
                                          full + "%/.x",
                                          full + "%//x",
                                          full + "%/k%/k",
                                          full + "kk",
                                          std::string(max_component + 1, 'k'),
                                          full + "/k",
                                          full + "%"};
  for (const std::string& name : names) CHECK_FALSE_MESSAGE(name_to_key(name).has_value(), name);
}

TEST_CASE("the name of a key longer than 1024 bytes is refused") {
  CHECK(name_to_key(key_to_name(std::string(max_key_size, 'k'))).has_value());
  CHECK_FALSE(name_to_key(key_to_name(std::string(max_key_size + 1, 'k'))).has_value());
}

TEST_CASE("a random name is refused or is exactly what its key's name is") {
  test::Random random(4);
  int keys = 0;
  for (int i = 0; i < test::campaign_steps(300'000); ++i) {
    const std::string name = test::random_text(random, test::random_below(random, 10), "%/.aF20e%");
    const std::optional<std::string> key = name_to_key(name);
    if (!key) continue;
    ++keys;
    if (key_to_name(*key) != name) FAIL("two names for one key: ", name);
  }
  CHECK(keys > 1000);
}

}  // namespace
}  // namespace accrete
