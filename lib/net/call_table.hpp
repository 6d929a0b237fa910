// The requests of a client that wait for their replies.
#pragma once

#include <accrete/accrete.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "net/message_pool.hpp"
#include "net/protocol.hpp"
#include "net/saved_error.hpp"

namespace accrete {

/// A request and what has come of its reply so far: parts wait here until the caller takes them, and only then is the
/// server given credit for more.
struct Call {
  SharedMessage message;
  bool is_sent = false;
  bool was_sent = false;  ///< over any connection
  bool was_sent_again = false;
  bool is_restarted = false;  ///< the parts that were taken are void: the request was sent again
  std::vector<zmq::message_t> parts{};
  std::uint32_t next_part = 0;
  std::uint32_t credit = wire::first_parts;  ///< parts that the server may have sent in all
  std::uint32_t taken = 0;                   ///< parts that the caller has taken, and no credit was given for
  bool is_complete = false;                  ///< the last part is among `parts`
  std::optional<SavedError> error{};
};

/// Not thread-safe.
class CallTable {
 public:
  /// The number of the next call or ping.
  [[nodiscard]] std::uint64_t next_number() noexcept { return ++last_number_; }
  void add(std::uint64_t number, Call& call) { calls_.emplace(number, &call); }
  void remove(std::uint64_t number) noexcept { calls_.erase(number); }

  [[nodiscard]] bool empty() const noexcept { return calls_.empty(); }
  /// A call that is not sent yet; nullptr if there is none.
  [[nodiscard]] Call* next_to_send() noexcept;

  /// Of a number that no call has any more there may be parts on their way; they are dropped.
  /// Throws NetworkError if the part is not the one that follows, or more than was asked for.
  void take_part(std::uint64_t number, const wire::Part& part, zmq::message_t frame);
  void fail(std::uint64_t number, const wire::ErrorReply& error);

  /// A new connection: all are to be sent again.
  void restart() noexcept;

 private:
  std::map<std::uint64_t, Call*> calls_;
  std::uint64_t last_number_ = 0;
};

}  // namespace accrete
