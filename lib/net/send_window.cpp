#include "net/send_window.hpp"

#include <algorithm>
#include <utility>

#include "net/protocol.hpp"

namespace accrete {

void SendWindow::push(SharedMessage message, std::shared_ptr<Outcome> outcome, Kind kind) {
  const std::uint64_t sequence = next_sequence();
  const std::uint64_t size = message->size();
  batches_.push_back({.message = std::move(message),
                      .sequence = sequence,
                      .ticket = next_ticket_,
                      .outcome = std::move(outcome),
                      .kind = kind,
                      .was_sent = false,
                      .is_told = false});
  bytes_ += size;
  ++next_ticket_;
}

SharedMessage SendWindow::next_to_send(std::uint64_t limit) const {
  if (sent_ == batches_.size()) return nullptr;
  const SharedMessage& message = batches_[sent_].message;
  if (sent_ > 0 && (message->size() > limit || sent_bytes_ > limit - message->size())) return nullptr;
  return message;
}

void SendWindow::mark_sent() {
  batches_[sent_].was_sent = true;
  sent_bytes_ += batches_[sent_].message->size();
  ++sent_;
}

bool SendWindow::try_take_back(std::uint64_t ticket) {
  const auto at = std::find_if(batches_.begin(), batches_.end(), [&](const Batch& b) { return b.ticket == ticket; });
  if (at == batches_.end() || at->was_sent) return false;
  bytes_ -= at->message->size();
  const auto place = static_cast<std::size_t>(at - batches_.begin());
  batches_.erase(at);
  number_from(place);
  return true;
}

void SendWindow::mark_told(std::uint64_t ticket) noexcept {
  const auto at = std::find_if(batches_.begin(), batches_.end(), [&](const Batch& b) { return b.ticket == ticket; });
  if (at != batches_.end()) at->is_told = true;
}

bool SendWindow::has_untold() const noexcept {
  return std::ranges::any_of(batches_, [](const Batch& batch) { return !batch.is_told; });
}

SendWindow::Left SendWindow::left() const noexcept {
  Left left;
  for (const Batch& batch : batches_) {
    if (batch.is_told) continue;
    ++left.batches;
    left.bytes += batch.message->size();
  }
  return left;
}

bool SendWindow::acknowledge(std::uint64_t applied) {
  if (applied > acknowledged_ + sent_) return false;
  while (acknowledged_ < applied) pop_applied();
  return true;
}

void SendWindow::pop_applied() {
  Batch& batch = batches_.front();
  bytes_ -= batch.message->size();
  if (sent_ > 0) {
    sent_bytes_ -= batch.message->size();
    --sent_;
  }
  if (batch.outcome) batch.outcome->done = true;
  batches_.pop_front();
  ++acknowledged_;
  ++acknowledged_count_;
}

std::optional<SendWindow::Refusal> SendWindow::refuse(std::uint64_t sequence, const SavedError& error) {
  if (sequence <= acknowledged_ || sequence > acknowledged_ + sent_) return std::nullopt;
  while (acknowledged_ + 1 < sequence) pop_applied();
  const Batch& refused = batches_.front();
  Refusal refusal{.kept = error.retryable() && refused.kind == Kind::pipelined && must_be_kept(refused)};
  std::deque<Batch> left;
  for (Batch& batch : batches_) {
    // Without the one that was refused those after it can go on; calls that wait after one that stays get its error,
    // and so does whoever sends again what is told: none of it may stay and be applied yet.
    const bool is_first = &batch == &batches_.front();
    const bool gives_up = refusal.kept ? !must_be_kept(batch) : is_first;
    if (!gives_up) {
      left.push_back(std::move(batch));
      continue;
    }
    bytes_ -= batch.message->size();
    if (!batch.outcome) continue;
    refusal.told = refusal.told || is_awaited(batch) || (is_first && batch.is_told);
    batch.outcome->done = true;
    batch.outcome->error = error;
  }
  batches_ = std::move(left);
  resend_all();
  return refusal;
}

bool SendWindow::give_up_sent(const SavedError& error) {
  bool any_untold = false;
  for (; has_sent(); batches_.pop_front()) {
    Batch& batch = batches_.front();
    bytes_ -= batch.message->size();
    any_untold = any_untold || !(batch.is_told || is_awaited(batch));
    if (!batch.outcome) continue;
    batch.outcome->done = true;
    batch.outcome->error = error;
  }
  resend_all();
  return any_untold;
}

bool SendWindow::restart(std::uint64_t applied) {
  const auto unsent =
      std::find_if(batches_.begin(), batches_.end(), [](const Batch& batch) { return !batch.was_sent; });
  const auto ever_sent = static_cast<std::uint64_t>(unsent - batches_.begin());
  if (applied > acknowledged_ + ever_sent) return false;
  while (acknowledged_ < applied) pop_applied();
  acknowledged_ = applied;
  resend_all();
  return true;
}

void SendWindow::resend_all() {
  sent_ = 0;
  sent_bytes_ = 0;
  number_from(0);
}

void SendWindow::number_from(std::size_t first) {
  for (std::size_t i = first; i < batches_.size(); ++i) {
    Batch& batch = batches_[i];
    const std::uint64_t sequence = acknowledged_ + i + 1;
    if (batch.sequence == sequence) continue;
    // ZeroMQ may still hold the old one.
    std::string renumbered = *batch.message;
    wire::set_sequence(renumbered, sequence);
    batch.message = std::make_shared<const std::string>(std::move(renumbered));
    batch.sequence = sequence;
  }
}

}  // namespace accrete
