#include "server/session_table.hpp"

#include "os/system.hpp"

namespace accrete::server {

SessionTable::SessionTable(std::span<const BatchId> before, std::uint64_t forgotten) : forgotten_(forgotten) {
  for (const BatchId& last : before) {
    set_applied(last);
    leave(last.writer);
  }
}

std::uint64_t SessionTable::applied(const WriterId& session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? 0 : found->second.applied;
}

void SessionTable::arrive(const WriterId& session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  absent_.erase(found->second.departure);
  found->second.departure = 0;
}

void SessionTable::set_applied(const BatchId& last) { sessions_[last.writer].applied = last.sequence; }

void SessionTable::leave(const WriterId& session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  absent_.erase(found->second.departure);
  found->second.departure = ++departures_;
  absent_.emplace(departures_, session);
  if (absent_.size() <= max_absent) return;
  sessions_.erase(absent_.begin()->second);
  absent_.erase(absent_.begin());
  forgotten_ = random_u64();  // and so none that a store will ever say
}

void SessionTable::end(const WriterId& session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  absent_.erase(found->second.departure);
  sessions_.erase(found);
}

}  // namespace accrete::server
