// The list of blocks against a vector.
#include "base/block_list.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "support/commands.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

class ListAndVector {
 public:
  void push_back(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      expected_.push_back(std::to_string(next_++));
      list_.push_back(std::string(expected_.back()));
      places_.push_back(&list_.back());
    }
  }

  void reserve(std::uint64_t count) { list_.reserve(expected_.size() + count); }

  void overwrite(std::size_t at) {
    if (expected_.empty()) return;
    at %= expected_.size();
    expected_[at] = std::to_string(next_++);
    list_[at] = expected_[at];
  }

  void replace(std::uint64_t count) {
    list_ = BlockList<std::string>();
    expected_.clear();
    places_.clear();
    push_back(count);
  }

  void check() const {
    require(list_.size() == expected_.size(), "the list is as long as the vector");
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      require(list_[i] == expected_[i], "element " + std::to_string(i) + " is what was put there last");
      require(&list_[i] == places_[i], "element " + std::to_string(i) + " is where it was when it was added");
    }
  }

 private:
  BlockList<std::string> list_;
  std::vector<std::string> expected_;
  std::vector<const std::string*> places_;
  std::uint64_t next_ = 0;  // so that no two elements are the same
};

TEST_CASE("a list of blocks holds what was put there, and its elements stay where they are while it grows") {
  const Argument counts = Argument::one_of({1, 2, 100, 255, 256, 257});
  CHECK(counterexample<ListAndVector>(
            {
                command("push_back", &ListAndVector::push_back, counts),
                command("reserve", &ListAndVector::reserve, counts),
                command("overwrite", &ListAndVector::overwrite, Argument::below(2000)),
                command("replace", &ListAndVector::replace, counts),
            },
            {.sequences = 100, .max_length = 30}) == "");
}

}  // namespace
}  // namespace accrete::test
