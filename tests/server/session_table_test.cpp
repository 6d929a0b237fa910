// What a server knows of sessions stays within bounds, and says when a session has been forgotten.
#include "server/session_table.hpp"

#include <algorithm>
#include <deque>
#include <doctest/doctest.h>
#include <map>
#include <vector>

#include "support/commands.hpp"
#include "support/model.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

using server::SessionTable;

constexpr std::uint64_t forgotten_before = 7;

void visit(SessionTable& table, std::uint64_t session) {
  table.arrive(writer_id(session));
  table.set_applied({.writer = writer_id(session), .sequence = 3});
  table.leave(writer_id(session));
}

TEST_CASE("sessions that come and go are forgotten, those first that have left first, and that is told") {
  SessionTable table({}, forgotten_before);
  for (std::uint64_t session = 0; session < SessionTable::max_absent; ++session) visit(table, session);
  CHECK(table.forgotten() == forgotten_before);
  CHECK(table.applied(writer_id(0)) == 3);
  visit(table, 0);
  CHECK(table.forgotten() == forgotten_before);
  visit(table, SessionTable::max_absent);
  const std::uint64_t forgotten = table.forgotten();
  CHECK(forgotten != forgotten_before);
  CHECK(table.applied(writer_id(0)) == 3);
  CHECK(table.applied(writer_id(1)) == 0);
  for (std::uint64_t session = 10'000; session < 20'000; ++session) {
    visit(table, session);
    CHECK(table.size() <= SessionTable::max_absent);
  }
  CHECK(table.forgotten() != forgotten);
}

TEST_CASE("a session is not forgotten while its client is connected, nor when it comes back time and again") {
  std::vector<BatchId> before;
  for (std::uint64_t session = 0; session < 10; ++session) {
    before.push_back({.writer = writer_id(session), .sequence = 5});
  }
  SessionTable table(before, forgotten_before);
  table.arrive(writer_id(1));
  for (std::uint64_t session = 100; session < 100 + 2 * SessionTable::max_absent; ++session) {
    visit(table, session);
    table.arrive(writer_id(2));
    table.leave(writer_id(2));
  }
  CHECK(table.applied(writer_id(1)) == 5);
  CHECK(table.applied(writer_id(2)) == 5);
  CHECK(table.applied(writer_id(3)) == 0);
  CHECK(table.size() == SessionTable::max_absent + 1);
}

TEST_CASE("sessions that have ended leave nothing, and make no other one forgotten") {
  SessionTable table({}, forgotten_before);
  visit(table, 1);
  for (std::uint64_t session = 10; session < 10'000; ++session) {
    visit(table, session);
    table.end(writer_id(session));
  }
  CHECK(table.size() == 1);
  CHECK(table.applied(writer_id(1)) == 3);
  CHECK(table.forgotten() == forgotten_before);
}

constexpr std::uint64_t named_count = 5;  // sessions that commands name; others come once

/// They begin with so many sessions that are remembered of before.
template <std::uint64_t before_count>
class TableAndLists {
 public:
  TableAndLists() {
    std::vector<BatchId> before;
    for (std::uint64_t session = 0; session < before_count; ++session) {
      before.push_back({.writer = writer_id(session), .sequence = next_sequence_});
      applied_[session] = next_sequence_++;
      absent_.push_back(session);
    }
    table_ = SessionTable(before, forgotten_before);
  }

  void arrive(std::uint64_t session) {
    table_.arrive(writer_id(session));
    std::erase(absent_, session);
  }

  void set_applied(std::uint64_t session) {
    table_.set_applied({.writer = writer_id(session), .sequence = next_sequence_});
    applied_[session] = next_sequence_++;
  }

  void leave(std::uint64_t session) {
    table_.leave(writer_id(session));
    std::erase(absent_, session);
    if (applied_.contains(session)) go(session);
  }

  void end(std::uint64_t session) {
    table_.end(writer_id(session));
    std::erase(absent_, session);
    applied_.erase(session);
  }

  /// Of others.
  void visit(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t session = next_session_++;
      test::visit(table_, session);
      applied_[session] = 3;
      go(session);
    }
  }

  void check() {
    require(table_.size() == applied_.size(), "sessions are known until they end or are forgotten");
    for (std::uint64_t session = 0; session < named_count; ++session) check_applied(session);
    if (!absent_.empty()) check_applied(absent_.front());
    if (has_forgotten_) check_applied(last_forgotten_);
    require((table_.forgotten() != forgotten_) == has_forgotten_, "it is told when a session is forgotten");
    forgotten_ = table_.forgotten();
    has_forgotten_ = false;
  }

 private:
  void go(std::uint64_t session) {
    absent_.push_back(session);
    if (absent_.size() <= SessionTable::max_absent) return;
    has_forgotten_ = true;
    last_forgotten_ = absent_.front();
    applied_.erase(absent_.front());
    absent_.pop_front();
  }

  void check_applied(std::uint64_t session) const {
    const auto found = applied_.find(session);
    require(table_.applied(writer_id(session)) == (found == applied_.end() ? 0 : found->second),
            "what is applied of a session is known");
  }

  SessionTable table_{{}, forgotten_before};
  std::map<std::uint64_t, std::uint64_t> applied_;  // of all sessions that are known
  std::deque<std::uint64_t> absent_;                // those whose clients have left, the first to be forgotten first
  std::uint64_t forgotten_ = forgotten_before;      // as it was told last
  bool has_forgotten_ = false;                      // since then
  std::uint64_t last_forgotten_ = 0;
  std::uint64_t next_session_ = before_count + named_count;
  std::uint64_t next_sequence_ = 1;
};

template <std::uint64_t before_count>
std::string counterexample_beginning_with(const Campaign& campaign = {}) {
  using Pair = TableAndLists<before_count>;
  const Argument sessions = Argument::below(named_count);
  return counterexample<Pair>(
      {
          command("arrive", &Pair::arrive, sessions),
          command("set_applied", &Pair::set_applied, sessions),
          command("leave", &Pair::leave, sessions),
          command("end", &Pair::end, sessions),
          command("visit", &Pair::visit, Argument::below(3)),
      },
      campaign);
}

TEST_CASE("of sessions that come, go, come back and end, the table knows all but those that left first") {
  CHECK(counterexample_beginning_with<0>() == "");
  CHECK(counterexample_beginning_with<named_count - 1>() == "");
  CHECK(counterexample_beginning_with<SessionTable::max_absent>({.sequences = 25}) == "");
}

}  // namespace
}  // namespace accrete::test
