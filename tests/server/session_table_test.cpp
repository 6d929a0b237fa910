// What a server knows of sessions stays within bounds, and says when a session has been forgotten.
#include "server/session_table.hpp"

#include <doctest/doctest.h>
#include <vector>

#include "support/model.hpp"

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

}  // namespace
}  // namespace accrete::test
