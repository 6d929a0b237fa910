// What the main loop hands to the threads that use the store, and what they hand back.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <variant>
#include <vector>

#include "net/message_pool.hpp"
#include "net/protocol.hpp"
#include "net/router.hpp"
#include "server/reply_budget.hpp"

namespace accrete::server {

/// A get of so many is answered among the small requests.
constexpr std::size_t few_keys = 16;

struct Client;
/// Only the main loop looks at what it points to; the others hand it back.
using ClientHandle = std::shared_ptr<Client>;

/// The order of a client's appends. When one is refused, those after it that are queued already are passed over; the
/// client sends them again, as a new generation.
struct Lane {
  wire::SessionId session{};
  std::uint64_t failed_generation = 0;  ///< for the appender's thread
  /// The client does not send again what it has sent, for its session may have been forgotten, and numbers its appends
  /// from 1 on: what the store knows all the same must go first. For the appender's thread, once the hello is answered.
  bool begins_anew = false;
  /// The session goes on over another connection, so nothing more of this one may be applied.
  std::atomic<bool> abandoned = false;
};

struct AppendTask {
  ClientHandle client{};
  std::shared_ptr<Lane> lane{};
  std::uint64_t generation = 0;
  MessageBytes message{};
  /// An append points into the message. A hello stands here when appends of its session are still queued.
  std::variant<wire::Append, wire::Hello, wire::Bye> action{};
  std::uint64_t request = 0;  ///< of a hello

  /// Of a batch, with the views into the message.
  [[nodiscard]] std::uint64_t held_bytes() const noexcept;
};

struct RequestTask {
  ClientHandle client{};
  MessageBytes message{};
  wire::Request request{};  ///< into the message

  /// With the views into the message.
  [[nodiscard]] std::uint64_t held_bytes() const noexcept;
};

struct AppendResult {
  enum class Outcome { applied, refused, passed_over };
  ClientHandle client{};
  std::uint64_t generation = 0;
  std::uint64_t sequence = 0;
  std::uint64_t bytes = 0;       ///< of the message
  std::uint64_t held_bytes = 0;  ///< of the task
  Outcome outcome = Outcome::applied;
  std::exception_ptr failure{};
};

/// Of a hello that stood after appends: now they are applied.
struct Greeting {
  ClientHandle client{};
  std::uint64_t request = 0;
};

/// A session that has said goodbye has ended, after its appends.
struct Farewell {
  wire::SessionId session{};
};

struct Answer {
  ClientHandle client{};
  std::uint64_t request = 0;
  std::uint64_t request_bytes = 0;  ///< of the message
  std::uint64_t held_bytes = 0;     ///< of the task
  std::vector<SharedMessage> parts{};
  ReplyBudget::Share share{};
  std::exception_ptr failure{};
  bool busy = false;  ///< of a failure: the same request may succeed later
};

using Result = std::variant<AppendResult, Greeting, Farewell, Answer>;

}  // namespace accrete::server
