// What the main loop hands to the threads that use the store, and what they hand back.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <set>
#include <variant>
#include <vector>

#include "net/message_pool.hpp"
#include "net/protocol.hpp"
#include "net/router.hpp"
#include "server/reply_budget.hpp"

namespace accrete::server {

struct Client;
/// Only the main loop looks at what it points to; the others hand it back.
using ClientHandle = std::shared_ptr<Client>;

/// The order of a client's appends. When one is refused, those behind it that are queued already are passed over; the
/// client sends them again, as a new generation.
struct Lane {
  wire::SessionId session{};
  std::uint64_t failed_generation = 0;  ///< for the appender's thread
  std::set<WriterId> own_writers{};     ///< that the client has made for itself; for the appender's thread
  /// The session goes on over another connection, so nothing more of this one may be applied.
  std::atomic<bool> abandoned = false;
};

struct AppendTask {
  ClientHandle client{};
  std::shared_ptr<Lane> lane{};
  std::uint64_t generation = 0;
  Frame frame{};
  /// An append points into the frame. A hello stands here when appends of its session are still queued.
  std::variant<wire::Append, wire::Hello, wire::Bye> action{};
  std::uint64_t request = 0;  ///< of a hello
};

struct RequestTask {
  ClientHandle client{};
  Frame frame{};
  wire::Request request{};  ///< into the frame
  std::uint64_t clients = 0;
};

struct AppendResult {
  enum class Outcome { applied, refused, passed_over };
  ClientHandle client{};
  std::uint64_t generation = 0;
  std::uint64_t sequence = 0;
  std::uint64_t bytes = 0;  ///< of the message
  Outcome outcome = Outcome::applied;
  std::exception_ptr failure{};
};

struct Greeting {
  ClientHandle client{};
  std::uint64_t request = 0;
  std::uint64_t applied = 0;
};

struct Answer {
  ClientHandle client{};
  std::uint64_t request = 0;
  std::uint64_t request_bytes = 0;
  std::vector<SharedMessage> parts{};
  ReplyBudget::Share share{};
  std::exception_ptr failure{};
  bool busy = false;  ///< of a failure: the same request may succeed later
};

using Result = std::variant<AppendResult, Greeting, Answer>;

}  // namespace accrete::server
