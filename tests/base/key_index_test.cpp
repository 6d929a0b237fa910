// The index of keys against a list of what was inserted, with hashes that meet in its slots, in its tags, or in both.
#include "base/key_index.hpp"

#include <algorithm>
#include <doctest/doctest.h>

#include "support/commands.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

class IndexAndHashes {
 public:
  void insert(std::uint64_t low, std::uint64_t tag) { add(hash_of(low, tag)); }

  void insert_many(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) add(hash_of(i % 8, hashes_.size() % 100));
  }

  void reserve(std::size_t count) {
    index_.reserve(count, [&](std::uint32_t number) { return hashes_[number]; });
    reserved_ = std::max(reserved_, count);
    held_bytes_ = index_.held_bytes();
  }

  void clear() {
    index_.clear();
    hashes_.clear();
    reserved_ = 0;
  }

  void reset() {
    const std::uint64_t held = index_.held_bytes();
    index_.reset();
    require(index_.held_bytes() == held, "reset keeps the memory");
    reserved_ += hashes_.size();
    held_bytes_ = held;
    hashes_.clear();
  }

  void check() const {
    for (std::uint32_t number = 0; number < hashes_.size(); ++number) {
      const auto is_key = [&](std::uint32_t at) { return at == number; };
      require(index_.find(hashes_[number], is_key) == number, "each number is found by its hash");
      const std::uint32_t likely = index_.find_likely(hashes_[number]);
      require(likely < hashes_.size() && hashes_[likely] >> 32 == hashes_[number] >> 32, "what is likely has the tag");
    }
    const auto is_no_key = [](std::uint32_t) { return false; };
    for (std::uint64_t low = 0; low < lows.size(); ++low) {
      require(index_.find(hash_of(low, 0), is_no_key) == KeyIndex::none, "what is no key is not found");
      require(index_.find_likely(hash_of(low, absent_tag)) == KeyIndex::none, "a tag that is not there is not likely");
    }
  }

  static constexpr std::array<std::uint64_t, 8> lows = {0, 1, 2, 0xFFFF'FFFF, 0xFFFF'FFFE, 0xFF, 0x1'00, 27};

 private:
  static constexpr std::uint64_t absent_tag = 0x8000'0000;

  static std::uint64_t hash_of(std::uint64_t low, std::uint64_t tag) { return tag << 32 | lows[low]; }

  void add(std::uint64_t hash) {
    hashes_.push_back(hash);
    const auto number = static_cast<std::uint32_t>(hashes_.size() - 1);
    index_.insert(hash, number, [&](std::uint32_t at) { return hashes_[at]; });
    if (reserved_ == 0) return;
    --reserved_;
    require(index_.held_bytes() == held_bytes_, "what was reserved for allocates nothing");
  }

  KeyIndex index_;
  std::vector<std::uint64_t> hashes_;  // by their numbers
  std::size_t reserved_ = 0;           // inserts that are to allocate nothing
  std::uint64_t held_bytes_ = 0;       // when they were reserved
};

TEST_CASE("an index finds each number by its hash, whatever hashes meet, through every growth") {
  CHECK(
      counterexample<IndexAndHashes>({
          command("insert", &IndexAndHashes::insert, Argument::below(IndexAndHashes::lows.size()), Argument::below(3)),
          command("insert_many", &IndexAndHashes::insert_many, Argument::below(30)),
          command("reserve", &IndexAndHashes::reserve, Argument::below(60)),
          command("clear", &IndexAndHashes::clear),
          command("reset", &IndexAndHashes::reset),
      }) == "");
}

}  // namespace
}  // namespace accrete::test
