// What the main loop knows of sessions: the last sequence applied of each whose client is connected, and of those that
// have left last of all whose clients may come back. So a hello need not wait for the store.
#pragma once

#include <accrete/batch_id.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

namespace accrete::server {

/// Sessions go by their writers in the store.
class SessionTable {
 public:
  /// Of sessions whose clients are not connected.
  static constexpr std::size_t max_absent = 4096;

  /// `before`: what the store remembers, the latest last. `forgotten`: what it says of all others.
  SessionTable(std::span<const BatchId> before, std::uint64_t forgotten);

  /// 0: nothing that is known.
  [[nodiscard]] std::uint64_t applied(const WriterId& session) const;
  /// What a welcome says: it changes when a session is forgotten that has not ended.
  [[nodiscard]] std::uint64_t forgotten() const noexcept { return forgotten_; }
  [[nodiscard]] std::size_t size() const noexcept { return sessions_.size(); }

  void arrive(const WriterId& session);
  void set_applied(const BatchId& last);
  void leave(const WriterId& session);
  /// It has said goodbye.
  void end(const WriterId& session);

 private:
  struct State {
    std::uint64_t applied = 0;
    std::uint64_t departure = 0;  // 0: its client is connected
  };

  std::map<WriterId, State> sessions_;
  std::map<std::uint64_t, WriterId> absent_;  // by their departures
  std::uint64_t departures_ = 0;
  std::uint64_t forgotten_;
};

}  // namespace accrete::server
