// The appends that the server has not acknowledged yet, in their order.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "net/message_pool.hpp"
#include "net/saved_error.hpp"

namespace accrete {

/// What became of a batch that calls wait for.
struct Outcome {
  int waiters = 0;
  bool done = false;  ///< applied, or refused with `error`
  std::optional<SavedError> error{};
};

/// Numbers batches, holds each until it is acknowledged, and knows which are to be sent. The sequence of a batch
/// follows from its place, so giving one up moves those after it. Not thread-safe.
class SendWindow {
 public:
  enum class Kind {
    pipelined,
    alone,  ///< nothing is in flight with it; given up when it is refused
  };

  struct Refusal {
    bool kept = false;  ///< the batch is to be sent again: its append has returned, and the server may take it later
    bool told = false;  ///< a call that waits, for it or for one after it, gets the error, or has had one
  };

  [[nodiscard]] bool empty() const noexcept { return batches_.empty(); }
  [[nodiscard]] bool has_alone() const noexcept { return !batches_.empty() && batches_.back().kind == Kind::alone; }
  [[nodiscard]] bool in_flight() const noexcept { return sent_ > 0; }
  /// One batch larger than the limit may be in the window alone.
  [[nodiscard]] bool has_room(std::uint64_t size, std::uint64_t limit) const noexcept {
    return batches_.empty() || (size <= limit && bytes_ <= limit - size);
  }
  /// Of the next batch that is pushed.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return acknowledged_ + batches_.size() + 1; }
  /// The server's last acknowledgement.
  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  /// How many batches have been acknowledged so far; never goes back.
  [[nodiscard]] std::uint64_t acknowledged_count() const noexcept { return acknowledged_count_; }

  /// A ticket names a batch for good; those of later batches are higher.
  [[nodiscard]] std::uint64_t next_ticket() const noexcept { return next_ticket_; }
  /// True if no batch up to `ticket` is waiting for the server.
  [[nodiscard]] bool is_settled(std::uint64_t ticket) const noexcept {
    return ticket < (batches_.empty() ? next_ticket_ : batches_.front().ticket);
  }

  /// The message must have next_sequence() in it. `outcome` may be null.
  void push(SharedMessage message, std::shared_ptr<Outcome> outcome, Kind kind);

  /// The next message to send, nullptr if there is none or if `limit` bytes are in flight; mark_sent() goes on to the
  /// one after.
  [[nodiscard]] SharedMessage next_to_send(std::uint64_t limit) const;
  void mark_sent();

  /// Takes a batch back that was never sent; false if it was, or is settled.
  [[nodiscard]] bool try_take_back(std::uint64_t ticket);
  /// The batch was sent and whoever waited for it has been told that its outcome is open.
  void mark_told(std::uint64_t ticket) noexcept;

  struct Left {
    std::uint64_t batches = 0;
    std::uint64_t bytes = 0;  ///< of their messages
  };
  /// What is not acknowledged, but for what marks say has been told.
  [[nodiscard]] Left left() const noexcept;
  /// Whether there is any of that.
  [[nodiscard]] bool has_untold() const noexcept;

  /// All up to `applied` are applied. False if that is more than was sent.
  [[nodiscard]] bool acknowledge(std::uint64_t applied);

  /// The batch `sequence` was refused, those before it are applied, and those after it were passed over: calls that
  /// wait for them are told, and what is left is to be sent again. nullopt if that cannot be.
  [[nodiscard]] std::optional<Refusal> refuse(std::uint64_t sequence, const SavedError& error);

  /// It cannot be learned what has become of the batches that were sent: they are given up. True if there is one of
  /// which nobody has been told.
  [[nodiscard]] bool give_up_sent(const SavedError& error);
  [[nodiscard]] bool has_sent() const noexcept { return !batches_.empty() && batches_.front().was_sent; }

  /// A new connection: all is to be sent again, after `applied`. False if that is more than was ever sent.
  [[nodiscard]] bool restart(std::uint64_t applied);

 private:
  struct Batch {
    SharedMessage message;
    std::uint64_t sequence;  // that stands in the message
    std::uint64_t ticket;
    std::shared_ptr<Outcome> outcome;
    Kind kind;
    bool was_sent;  // over any connection
    bool is_told;
  };

  static bool is_awaited(const Batch& batch) noexcept { return batch.outcome && batch.outcome->waiters > 0; }
  /// Its append has returned, and nobody would send it again.
  static bool must_be_kept(const Batch& batch) noexcept { return !is_awaited(batch) && !batch.is_told; }
  void pop_applied();
  void resend_all();
  void number_from(std::size_t first);

  std::deque<Batch> batches_;
  std::size_t sent_ = 0;            // of batches_, from the front
  std::uint64_t bytes_ = 0;         // of all messages
  std::uint64_t sent_bytes_ = 0;    // of those sent
  std::uint64_t acknowledged_ = 0;  // a sequence
  std::uint64_t acknowledged_count_ = 0;
  std::uint64_t next_ticket_ = 1;
};

}  // namespace accrete
