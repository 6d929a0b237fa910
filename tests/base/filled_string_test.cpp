#include "base/filled_string.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <limits>
#include <stdexcept>

namespace accrete::test {
namespace {

TEST_CASE("what is filled is appended, and no more than that") {
  std::string text = "before ";
  append_filled(text, 100, [](std::span<char> place) {
    CHECK(place.size() == 100);
    std::fill_n(place.begin(), 3, 'x');
    return std::size_t{3};
  });
  CHECK(text == "before xxx");
  CHECK(filled_string(2, [](std::span<char> place) {
          std::fill(place.begin(), place.end(), 'y');
          return place.size();
        }) == "yy");
}

TEST_CASE("a string that cannot be filled is as before") {
  std::string text = "before";
  CHECK_THROWS_AS(append_filled(text, 100, [](std::span<char>) -> std::size_t { throw std::runtime_error("no"); }),
                  std::runtime_error);
  CHECK(text == "before");
  CHECK_THROWS_AS(append_filled(text, std::numeric_limits<std::size_t>::max(), [](std::span<char>) { return 0U; }),
                  std::length_error);
  CHECK(text == "before");
}

}  // namespace
}  // namespace accrete::test
