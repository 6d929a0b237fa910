// The window of batches that are not acknowledged against a plain list of them.
#include "net/send_window.hpp"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <string>
#include <variant>
#include <vector>

#include "net/gathered_batch.hpp"
#include "net/protocol.hpp"
#include "support/commands.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

/// Of what is in flight; the first is out of reach.
constexpr std::array<std::uint64_t, 5> limits = {1'000'000, 0, 60, 150, 400};

enum Waiting : std::uint64_t { nobody, returned, awaited, waiting_kinds };

class WindowAndList {
 public:
  void push(std::uint64_t size, std::uint64_t waiting, bool is_alone) {
    if (window_.has_alone() || (is_alone && !batches_.empty())) return;
    Batch batch{.ticket = next_ticket_, .bytes = std::to_string(next_ticket_) + std::string(size, '.')};
    ++next_ticket_;
    batch.kind = is_alone ? SendWindow::Kind::alone : SendWindow::Kind::pipelined;
    if (waiting != nobody) batch.outcome = std::make_shared<Outcome>(Outcome{.waiters = waiting == awaited ? 1 : 0});
    const Entry entry{"k", batch.bytes};
    GatheredBatch gathered;
    gathered.add({&entry, 1});
    const auto message = std::make_shared<std::string>();
    gathered.encode(window_.next_sequence(), *message);
    batch.message_bytes = message->size();
    window_.push(message, batch.outcome, batch.kind);
    batches_.push_back(batch);
    if (batch.outcome) outcomes_.push_back({.outcome = batch.outcome});
  }

  void send(std::uint64_t limit) {
    const SharedMessage message = window_.next_to_send(limit);
    if (!message) return;
    const wire::Request request = wire::decode_request(*message);
    const auto& append = std::get<wire::Append>(request.body);
    require(append.sequence == acknowledged_ + sent_ + 1, "batches are numbered from what is acknowledged on");
    require(append.entries.front().bytes == batches_[sent_].bytes, "batches are sent in their order");
    window_.mark_sent();
    batches_[sent_++].was_sent = true;
  }

  void acknowledge(std::uint64_t more) {
    const std::uint64_t applied = acknowledged_ + more;
    require(window_.acknowledge(applied) == (more <= sent_), "no more is acknowledged than was sent");
    if (more <= sent_) apply(more);
  }

  void refuse(std::uint64_t place, bool is_retryable) {
    const SavedError error = is_retryable ? SavedError::of(DiskFullError("append to", "the disk", 28))
                                          : SavedError::of(CorruptionError("damaged"));
    const auto refusal = window_.refuse(acknowledged_ + place, error);
    require(refusal.has_value() == (place >= 1 && place <= sent_), "what is in flight can be refused");
    if (!refusal) return;
    apply(place - 1);
    const Batch refused = batches_.front();
    const bool is_kept = is_retryable && refused.kind == SendWindow::Kind::pipelined && refused.is_left_alone();
    bool is_told = !is_kept && refused.is_told;
    const auto gives_up = [&](const Batch& batch) {
      return is_kept ? !batch.is_left_alone() : batch.ticket == refused.ticket;
    };
    for (const Batch& batch : batches_) {
      if (!gives_up(batch)) continue;
      is_told = is_told || batch.is_awaited();
      settle(batch, true);
    }
    std::erase_if(batches_, gives_up);
    sent_ = 0;
    require(refusal->kept == is_kept, "a refused batch is kept if it may be taken later, and its append has returned");
    require(refusal->told == is_told, "it is known whether somebody gets the error");
  }

  void give_up_sent() {
    const bool any_untold = window_.give_up_sent(SavedError::of(NetworkError("gone")));
    bool expected = false;
    while (!batches_.empty() && batches_.front().was_sent) {
      expected = expected || batches_.front().is_left_alone();
      settle(batches_.front(), true);
      batches_.erase(batches_.begin());
    }
    sent_ = 0;
    require(any_untold == expected, "it is known whether nobody has been told of a batch that is given up");
  }

  /// The server has, of the session, less or more than it has acknowledged, or nothing.
  void reconnect(std::uint64_t less, std::uint64_t more) {
    const std::uint64_t applied = acknowledged_ - std::min(acknowledged_, less) + more;
    std::size_t ever_sent = 0;
    while (ever_sent < batches_.size() && batches_[ever_sent].was_sent) ++ever_sent;
    const bool is_possible = applied <= acknowledged_ + ever_sent;
    require(window_.restart(applied) == is_possible, "a server has no more than it was ever sent");
    if (!is_possible) return;
    if (applied > acknowledged_) apply(applied - acknowledged_);
    acknowledged_ = applied;
    sent_ = 0;
  }

  void take_back(std::uint64_t from_last) {
    const std::uint64_t ticket = next_ticket_ - std::min(next_ticket_, from_last);
    const auto found = std::ranges::find(batches_, ticket, &Batch::ticket);
    const bool is_unsent = found != batches_.end() && !found->was_sent;
    require(window_.try_take_back(ticket) == is_unsent, "what was never sent can be taken back");
    if (is_unsent) batches_.erase(found);
  }

  void stop_waiting(std::uint64_t place) {
    if (place >= batches_.size()) return;
    Batch& batch = batches_[place];
    if (!batch.was_sent || !batch.is_awaited()) return;
    batch.outcome->waiters = 0;
    window_.mark_told(batch.ticket);
    batch.is_told = true;
  }

  void check() const {
    require(window_.empty() == batches_.empty(), "it is empty when all is settled");
    require(window_.in_flight() == (sent_ > 0), "it is known whether something is in flight");
    require(window_.has_sent() == (!batches_.empty() && batches_.front().was_sent), "it is known what was ever sent");
    require(window_.acknowledged() == acknowledged_, "what is acknowledged is known");
    require(window_.acknowledged_count() == acknowledged_count_, "what was ever acknowledged is counted");
    require(window_.next_sequence() == acknowledged_ + batches_.size() + 1, "the next batch stands after the last");
    require(window_.next_ticket() == next_ticket_, "tickets are not used twice");
    for (std::uint64_t ticket = 0; ticket <= next_ticket_; ++ticket) {
      const bool is_waiting = std::ranges::any_of(batches_, [&](const Batch& batch) { return batch.ticket <= ticket; });
      require(window_.is_settled(ticket) == (!is_waiting && ticket < next_ticket_), "what is settled is known");
    }
    check_bytes();
    for (const Settled& settled : outcomes_) {
      require(settled.outcome->done == settled.is_done, "who waits learns when his batch is settled");
      require(settled.outcome->error.has_value() == settled.is_refused,
              "who waits learns whether his batch was refused");
    }
  }

 private:
  struct Batch {
    std::uint64_t ticket = 0;
    std::string bytes{};
    std::uint64_t message_bytes = 0;
    std::shared_ptr<Outcome> outcome{};
    SendWindow::Kind kind = SendWindow::Kind::pipelined;
    bool was_sent = false;
    bool is_told = false;

    [[nodiscard]] bool is_awaited() const { return outcome && outcome->waiters > 0; }
    /// Nobody would learn that it is given up.
    [[nodiscard]] bool is_left_alone() const { return !is_awaited() && !is_told; }
  };

  struct Settled {
    std::shared_ptr<Outcome> outcome;
    bool is_done = false;
    bool is_refused = false;
  };

  void settle(const Batch& batch, bool is_refused) {
    for (Settled& settled : outcomes_) {
      if (settled.outcome != batch.outcome) continue;
      settled.is_done = true;
      settled.is_refused = is_refused;
    }
  }

  void apply(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) settle(batches_[i], false);
    batches_.erase(batches_.begin(), batches_.begin() + static_cast<std::ptrdiff_t>(count));
    acknowledged_ += count;
    acknowledged_count_ += count;
    sent_ -= std::min<std::size_t>(sent_, count);
  }

  void check_bytes() const {
    std::uint64_t bytes = 0;
    std::uint64_t in_flight = 0;
    for (std::size_t i = 0; i < sent_; ++i) in_flight += batches_[i].message_bytes;
    for (const std::uint64_t limit : limits) {
      const bool is_due = sent_ < batches_.size() && (sent_ == 0 || in_flight + batches_[sent_].message_bytes <= limit);
      require((window_.next_to_send(limit) != nullptr) == is_due, "what is sent is within the limit, or alone");
    }
    SendWindow::Left left;
    for (const Batch& batch : batches_) {
      bytes += batch.message_bytes;
      if (batch.is_told) continue;
      ++left.batches;
      left.bytes += batch.message_bytes;
    }
    require(window_.has_room(10, bytes + 10), "there is room for what fits");
    require(window_.has_room(11, bytes + 10) == batches_.empty(), "there is no room for more, but for one batch alone");
    require(window_.left().batches == left.batches && window_.left().bytes == left.bytes, "what is left is counted");
    require(window_.has_untold() == (left.batches > 0), "it is known whether anything is left");
  }

  SendWindow window_;
  std::vector<Batch> batches_;  // that are not settled
  std::vector<Settled> outcomes_;
  std::size_t sent_ = 0;  // of batches_, over this connection
  std::uint64_t acknowledged_ = 0;
  std::uint64_t acknowledged_count_ = 0;
  std::uint64_t next_ticket_ = 1;
};

TEST_CASE("a window sends each batch in its order until it is settled, and tells who waits for it") {
  using Pair = WindowAndList;
  const Argument places = Argument::below(5);
  CHECK(counterexample<Pair>(
            {
                command("push", &Pair::push, Argument::one_of({1, 0, 100}), Argument::below(waiting_kinds),
                        Argument::one_of({0, 0, 0, 1})),
                command("push", &Pair::push, Argument::one_of({1, 0, 100}), Argument::below(waiting_kinds),
                        Argument::one_of({0})),
                command("send", &Pair::send, Argument::one_of({limits.begin(), limits.end()})),
                command("send", &Pair::send, Argument::one_of({limits.front()})),
                command("acknowledge", &Pair::acknowledge, places),
                command("refuse", &Pair::refuse, places, Argument::below(2)),
                command("give_up_sent", &Pair::give_up_sent),
                command("reconnect", &Pair::reconnect, Argument::one_of({0, 1, 1000}), places),
                command("take_back", &Pair::take_back, places),
                command("stop_waiting", &Pair::stop_waiting, places),
            },
            {.sequences = 1000}) == "");
}

}  // namespace
}  // namespace accrete::test
