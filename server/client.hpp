// What the main loop knows of a client: where its appends stand, and what waits to be sent to it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/message_pool.hpp"
#include "net/protocol.hpp"
#include "net/router.hpp"
#include "os/accepted_connections.hpp"
#include "server/reply_budget.hpp"
#include "server/tasks.hpp"

namespace accrete::server {

using Clock = std::chrono::steady_clock;

/// A result that is sent part by part, as the client gives credit.
struct PendingReply {
  std::uint64_t request = 0;
  std::uint64_t request_bytes = 0;
  std::vector<SharedMessage> parts{};  ///< those that are sent are null
  ReplyBudget::Share share{};
  std::size_t next_part = 0;
  std::uint64_t credit = wire::first_parts;  ///< parts that may be sent, those sent included
};

/// A request that waits until the appends before it are applied.
struct WaitingRequest {
  std::uint64_t after = 0;  ///< a sequence
  RequestTask task{};
};

struct Client {
  Client(Peer from, std::uint64_t its_number, const wire::Hello& hello);

  [[nodiscard]] bool has_output() const noexcept { return ack_due || !control.empty() || !replies.empty(); }
  /// True if something can be sent without more credit.
  [[nodiscard]] bool can_send() const noexcept;
  [[nodiscard]] bool may_ask(std::uint64_t bytes) const noexcept;

  const Peer peer;
  const std::uint64_t number;          ///< for the log
  std::uint64_t window;                ///< bytes
  const std::uint64_t told_forgotten;  ///< by the welcome before
  std::optional<KeptConnection> connection{};
  bool greeted = false;  ///< its hello is answered
  bool gone = false;     ///< it is no longer in the table; results for it are dropped

  std::shared_ptr<Lane> lane;
  std::uint64_t generation = 1;
  std::uint64_t applied = 0;
  std::uint64_t expected = 1;      ///< sequence of the next append
  std::uint64_t queued_bytes = 0;  ///< of appends that are not applied yet
  std::deque<WaitingRequest> waiting{};

  std::size_t requests = 0;  ///< whose replies are not sent whole
  std::uint64_t request_bytes = 0;

  bool ack_due = false;
  std::deque<std::string> control{};  ///< messages of one piece
  std::deque<PendingReply> replies{};
  bool queued_for_sending = false;
  Clock::time_point last_progress = Clock::now();  ///< when something was sent, or nothing waited
  Clock::time_point last_sent = Clock::now();
  std::uint64_t malformed = 0;         ///< messages
  Clock::time_point next_complaint{};  ///< in the log
};

}  // namespace accrete::server
