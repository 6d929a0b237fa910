// Caches of open files that share a budget, against lists in the order of their last use.
#include "layout/files/descriptor_cache.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <doctest/doctest.h>
#include <list>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "support/campaign.hpp"
#include "support/commands.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

constexpr std::array<std::size_t, 3> mosts = {3, 6, 100};  // of each cache
constexpr std::size_t first_limit = 8;

class CachesAndLists {
 public:
  CachesAndLists() {
    budget_.set_limit(first_limit);
    for (std::size_t i = 0; i < mosts.size(); ++i) begin(i);
  }

  void open(std::size_t at, std::uint64_t key) { (void)find_or_add(at, key); }

  void find(std::size_t at, std::uint64_t key) {
    const auto expected = use(at, key);
    const DescriptorCache::Value* const found = caches_[at]->find(std::to_string(key));
    require((found != nullptr) == expected.has_value(), "a file is found if it was not removed");
    if (found) check_same(found->file, *expected);
  }

  void peek(std::size_t at, std::uint64_t key) {
    const std::shared_ptr<File> found = caches_[at]->peek(std::to_string(key));
    const auto& files = lists_[at].files;
    const auto expected = std::ranges::find(files, key, &Open::key);
    require((found.use_count() > 0) == (expected != files.end()), "a look finds what is there");
    if (expected != files.end()) check_same(found, expected->file);
  }

  /// All of these at once, if there is room.
  void open_together(std::size_t at, std::size_t count, std::uint64_t first_key) {
    const bool has_room = caches_[at]->make_room(count);
    require(has_room == make_room(lists_[at], count), "there is room within the budget, or none");
    if (!has_room) return;
    std::vector<DescriptorCache::Value*> values;
    for (std::uint64_t key = first_key; key < first_key + count; ++key) values.push_back(find_or_add(at, key));
    for (std::size_t i = 0; i < count; ++i) {
      require(values[i]->key == std::to_string(first_key + i), "files for which there was room are open together");
    }
  }

  void remove(std::size_t at, std::uint64_t key) {
    caches_[at]->remove(std::to_string(key));
    std::erase_if(lists_[at].files, [&](const Open& open) { return open.key == key; });
  }

  void clear(std::size_t at) {
    caches_[at]->clear();
    lists_[at] = {.most = lists_[at].most};
  }

  void shrink(std::size_t at) {
    List& list = lists_[at];
    require(caches_[at]->shrink() == !list.files.empty(), "files are closed if there are any");
    if (list.files.empty()) return;
    list.files.resize(list.files.size() / 2);
    list.share = std::max<std::size_t>(list.files.size(), 1);
  }

  void begin_anew(std::size_t at) {
    caches_[at].reset();
    begin(at);
  }

  void set_limit(std::size_t limit) {
    budget_.set_limit(limit);
    limit_ = limit;
  }

  void check() const {
    std::set<std::uint64_t> expected;
    for (const List& list : lists_) {
      for (const Open& open : list.files) expected.insert(open.number);
    }
    require(open_ == expected, "those files are open that were used last");
  }

 private:
  struct Open {
    std::uint64_t key = 0;
    std::uint64_t number = 0;
    std::weak_ptr<File> file{};
  };

  /// The first was used last.
  struct List {
    std::list<Open> files{};
    std::size_t share = 1;
    std::size_t most = 0;
  };

  void begin(std::size_t at) {
    caches_[at].emplace(budget_, mosts[at]);
    lists_[at] = {.most = mosts[at]};
  }

  static void check_same(const std::shared_ptr<File>& found, const std::weak_ptr<File>& expected) {
    require(!found.owner_before(expected) && !expected.owner_before(found), "a key has the file that was added for it");
  }

  std::optional<std::weak_ptr<File>> use(std::size_t at, std::uint64_t key) {
    std::list<Open>& files = lists_[at].files;
    const auto found = std::ranges::find(files, key, &Open::key);
    if (found == files.end()) return std::nullopt;
    files.splice(files.begin(), files, found);
    return found->file;
  }

  DescriptorCache::Value* find_or_add(std::size_t at, std::uint64_t key) {
    if (use(at, key)) return caches_[at]->find(std::to_string(key));
    List& list = lists_[at];
    if (list.files.size() == list.share && !try_grow(list)) list.files.pop_back();
    const std::uint64_t number = next_++;
    open_.insert(number);
    // Nobody looks into it: what counts is when it is closed.
    std::shared_ptr<File> file(nullptr, [this, number](File*) { open_.erase(number); });
    list.files.push_front({.key = key, .number = number, .file = file});
    return &caches_[at]->add(std::to_string(key), std::move(file));
  }

  [[nodiscard]] std::size_t used() const {
    std::size_t used = 0;
    for (const List& list : lists_) used += list.share;
    return used;
  }

  bool try_grow(List& list) const {
    if (list.share >= list.most || used() >= limit_) return false;
    ++list.share;
    return true;
  }

  bool make_room(List& list, std::size_t count) const {
    const std::size_t fair = std::max<std::size_t>(limit_ / lists_.size(), 1);
    if (used() >= limit_ && list.share > fair) {
      list.share = fair;
      if (list.files.size() > fair) list.files.resize(fair);
    }
    while (list.share < count) {
      if (!try_grow(list)) return false;
    }
    return true;
  }

  std::set<std::uint64_t> open_;  // numbers of the files that are
  DescriptorBudget budget_;
  std::array<std::optional<DescriptorCache>, mosts.size()> caches_;
  std::array<List, mosts.size()> lists_;
  std::size_t limit_ = first_limit;
  std::uint64_t next_ = 0;
};

TEST_CASE("caches keep open what was used last, and no more than their budget allows together") {
  using Pair = CachesAndLists;
  const Argument caches = Argument::below(mosts.size());
  const Argument keys = Argument::below(10);
  CHECK(counterexample<Pair>({
            command("open", &Pair::open, caches, keys),
            command("open", &Pair::open, caches, keys),
            command("find", &Pair::find, caches, keys),
            command("peek", &Pair::peek, caches, keys),
            command("open_together", &Pair::open_together, caches, Argument::below(7), keys),
            command("remove", &Pair::remove, caches, keys),
            command("clear", &Pair::clear, caches),
            command("shrink", &Pair::shrink, caches),
            command("begin_anew", &Pair::begin_anew, caches),
            command("set_limit", &Pair::set_limit, Argument::one_of({first_limit, 1, 4, 20})),
        }) == "");
}

TEST_CASE("threads take no more of a budget than there is") {
  constexpr int thread_count = 3;
  constexpr std::size_t limit = thread_count + 1;  // one that all of them want
  const int steps = campaign_steps(3'000'000);
  DescriptorBudget budget;
  budget.set_limit(limit);
  std::atomic<int> holders = 0;
  std::atomic<bool> is_exceeded = false;
  {
    std::vector<std::thread> threads;
    std::barrier together(thread_count);
    for (int i = 0; i < thread_count; ++i) {
      threads.emplace_back([&] {
        DescriptorBudget::Share share(budget, limit);
        together.arrive_and_wait();
        for (int step = 0; step < steps; ++step) {
          if (!share.try_grow()) continue;
          if (++holders > 1) is_exceeded = true;
          --holders;
          share.shrink_to(1);
        }
        together.arrive_and_wait();  // its own one may be another's from now on
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  CHECK_FALSE(is_exceeded);
  DescriptorBudget::Share last(budget, limit);
  while (last.try_grow()) {
  }
  CHECK(last.size() == limit);
}

}  // namespace
}  // namespace accrete::test
