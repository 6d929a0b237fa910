// The table of writers against a map, as two processes change it in turn.
#include "layout/files/writers.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <doctest/doctest.h>
#include <map>

#include "base/own_writer.hpp"
#include "dataset/session_writer.hpp"
#include "os/env.hpp"
#include "support/commands.hpp"
#include "support/model.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

constexpr std::uint64_t user_count = 3;
constexpr std::uint64_t session_count = 3;
constexpr std::uint64_t own_count = 3;
constexpr std::uint64_t named_count = user_count + session_count + own_count;

/// They begin with so many writers of clients' own making, stored in the order of their slots.
template <std::uint64_t before_count>
class TablesAndMap {
 public:
  TablesAndMap() {
    for (std::optional<Writers>& table : tables_) table.emplace(*directory_, false);
    secret_ = tables_[0]->secret();
    forgotten_ = tables_[0]->forgotten();
    for (std::uint64_t slot = 0; slot < before_count; ++slot) {
      const WriterId writer = new_writer();
      tables_[0]->store(slot, {.writer = writer, .sequence = ++next_});
      note_stored(slot, writer);
    }
  }

  void put(std::size_t at, std::uint64_t writer) { store(at, named(writer)); }

  void put_new(std::size_t at, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) store(at, new_writer());
  }

  /// One of those that were stored before all others.
  void put_again(std::size_t at, std::size_t place) {
    if (place < passing_.size()) store(at, WriterId(passing_[place]));
  }

  /// One dies in between, and another takes back what it has stored.
  void fail_to_put(std::size_t at, std::uint64_t writer, std::size_t other) {
    const WriterId id = named(writer);
    const std::uint64_t slot = choose_slot(at, id);
    const auto old = stored_.find(id);
    tables_[at]->store(slot, {.writer = id, .sequence = ++next_});
    tables_[other]->expect_changes();
    tables_[other]->restore(slot, old == stored_.end() ? std::nullopt : std::optional(old->second.sequence), count_);
    if (old != stored_.end()) return;
    // Whose slot it was is lost, and the slot is free.
    if (slot < count_) lose_slot(slot);
    is_order_known_ = false;
    may_forget_ = true;
  }

  void forget(std::size_t at, std::uint64_t writer) {
    tables_[at]->expect_changes();
    tables_[at]->forget(named(writer), count_);
    erase(named(writer));
  }

  void reopen(std::size_t at) {
    tables_[at].emplace(*directory_, false);
    is_order_known_ = false;
  }

  void check() {
    for (std::optional<Writers>& table : tables_) {
      table->expect_changes();
      for (std::uint64_t writer = 0; writer < named_count; ++writer) (void)find(*table, named(writer));
      check_sessions(*table);
      const std::uint64_t forgotten = table->forgotten();
      if (must_forget_) require(forgotten != forgotten_, "it is told when a writer is forgotten");
      if (!may_forget_) require(forgotten == forgotten_, "nothing is told where none is forgotten");
    }
    forgotten_ = tables_[0]->forgotten();
    must_forget_ = may_forget_ = false;
    require(count_ > 2 * named_count || tables_[0]->count_whole() == count_,
            "all slots in use are whole, and no other");
  }

 private:
  struct Stored {
    std::uint64_t slot = 0;
    std::uint64_t sequence = 0;
  };

  static bool is_user(const WriterId& writer) { return std::ranges::find(users(), writer) != users().end(); }

  static const std::vector<WriterId>& users() {
    static const std::vector<WriterId> ids = {writer_id(1), writer_id(2), writer_id(3)};
    return ids;
  }

  [[nodiscard]] WriterId named(std::uint64_t writer) const {
    if (writer < user_count) return users()[writer];
    if (writer < user_count + session_count) return session_writer(secret_, writer_id(writer));
    return make_own_writer(writer, 0);
  }

  WriterId new_writer() { return make_own_writer(named_count + ++next_, 0); }

  /// Where it stands in the table, which must be as in the map.
  std::optional<Writers::Found> find(Writers& table, const WriterId& writer) {
    const auto found = table.find(writer, count_);
    const auto expected = stored_.find(writer);
    require(found.has_value() == (expected != stored_.end()), "a writer is known until it is forgotten");
    if (!found) return found;
    require(found->slot == expected->second.slot, "a writer stays in its slot");
    require(found->sequence == expected->second.sequence, "a writer's last sequence is known");
    return found;
  }

  std::uint64_t choose_slot(std::size_t at, const WriterId& writer) {
    is_order_known_ = is_order_known_ && at == 0;
    tables_[at]->expect_changes();
    if (const auto found = find(*tables_[at], writer)) return found->slot;
    const std::uint64_t slot = tables_[at]->new_slot(writer, count_);
    if (!free_.empty()) {
      require(std::ranges::find(free_, slot) != free_.end(), "a free slot is taken first");
    } else if (is_user(writer) || passing_.size() < Writers::max_passing) {
      require(slot == count_, "a new slot stands after the others");
    } else {
      const auto loser = std::ranges::find(passing_, slot, [&](const WriterId& id) { return stored_.at(id).slot; });
      require(loser != passing_.end(), "a writer that passes takes the slot of one that passes, too");
      require(!is_order_known_ || loser == passing_.begin(), "the writer loses its slot that was stored first");
    }
    return slot;
  }

  void store(std::size_t at, const WriterId& writer) {
    const std::uint64_t slot = choose_slot(at, writer);
    tables_[at]->store(slot, {.writer = writer, .sequence = ++next_});
    if (stored_.contains(writer)) {
      std::erase(passing_, writer);
    } else if (slot < count_) {
      lose_slot(slot);
      std::erase(free_, slot);
    }
    note_stored(slot, writer);
  }

  void note_stored(std::uint64_t slot, const WriterId& writer) {
    if (!is_user(writer)) passing_.push_back(writer);
    stored_[writer] = {.slot = slot, .sequence = next_};
    count_ = std::max(count_, slot + 1);
  }

  /// The slot is free then.
  void lose_slot(std::uint64_t slot) {
    const auto loser = std::ranges::find_if(stored_, [&](const auto& entry) { return entry.second.slot == slot; });
    if (loser == stored_.end()) return;
    erase(WriterId(loser->first));
    must_forget_ = may_forget_ = true;
  }

  void erase(const WriterId& writer) {
    const auto found = stored_.find(writer);
    if (found == stored_.end()) return;
    free_.push_back(found->second.slot);
    std::erase(passing_, writer);
    stored_.erase(found);
  }

  void check_sessions(Writers& table) const {
    std::map<WriterId, std::uint64_t> expected;
    for (std::uint64_t i = user_count; i < user_count + session_count; ++i) {
      const auto found = stored_.find(named(i));
      if (found != stored_.end()) expected[found->first] = found->second.sequence;
    }
    std::map<WriterId, std::uint64_t> found;
    for (const BatchId& id : table.sessions(count_)) found[id.writer] = id.sequence;
    require(found == expected, "the sessions that are remembered are known");
  }

  TemporaryDirectory place_{memory_directory()};
  std::unique_ptr<Directory> directory_ = posix_env().try_open_directory(place_.path());
  std::array<std::optional<Writers>, 2> tables_;
  std::map<WriterId, Stored> stored_;
  std::deque<WriterId> passing_;     // the first was stored before all others
  std::vector<std::uint64_t> free_;  // slots
  std::uint64_t count_ = 0;          // as the control file has it
  std::uint64_t secret_ = 0;
  std::uint64_t forgotten_ = 0;
  bool must_forget_ = false;  // since the last check
  bool may_forget_ = false;
  bool is_order_known_ = true;  // the first table has seen each store
  std::uint64_t next_ = 0;
};

template <std::uint64_t before_count>
std::string counterexample_beginning_with(const Campaign& campaign = {}) {
  using Pair = TablesAndMap<before_count>;
  const Argument tables = Argument::one_of({0, 0, 0, 1});
  const Argument writers = Argument::below(named_count);
  return counterexample<Pair>(
      {
          command("put", &Pair::put, tables, writers),
          command("put_new", &Pair::put_new, tables, Argument::below(3)),
          command("put_again", &Pair::put_again, tables, Argument::below(2)),
          command("fail_to_put", &Pair::fail_to_put, tables, writers, tables),
          command("forget", &Pair::forget, tables, writers),
          command("reopen", &Pair::reopen, tables),
      },
      campaign);
}

TEST_CASE("who takes a change back in a table that it has not read tells those who have") {
  const TemporaryDirectory place(memory_directory());
  const std::unique_ptr<Directory> directory = posix_env().try_open_directory(place.path());
  Writers reader(*directory, false);
  Writers changer(*directory, false);
  const std::array<WriterId, 2> passing = {make_own_writer(1, 0), make_own_writer(2, 0)};
  constexpr std::uint64_t count = passing.size();
  for (std::uint64_t slot = 0; slot < count; ++slot) changer.store(slot, {.writer = passing[slot], .sequence = 1});
  changer.forget(passing[0], count);
  CHECK_FALSE(reader.find(writer_id(1), count));
  changer.store(0, {.writer = writer_id(1), .sequence = 1});
  changer.forget(passing[1], count);
  changer.store(1, {.writer = writer_id(2), .sequence = 1});
  Writers(*directory, false).restore(1, std::nullopt, count);
  reader.expect_changes();
  const auto found = reader.find(writer_id(1), count);
  REQUIRE(found);
  CHECK(found->sequence == 1);
}

TEST_CASE("of each writer the last sequence is known to all processes, until it passes and its slot is another's") {
  CHECK(counterexample_beginning_with<0>({.sequences = 80}) == "");
  CHECK(counterexample_beginning_with<Writers::max_passing>({.sequences = 10, .max_length = 40}) == "");
}

}  // namespace
}  // namespace accrete::test
