#include <accrete/error.hpp>
#include <accrete/interruptible.hpp>
#include <utility>

#include "base/interruption.hpp"

namespace accrete {
namespace {

constinit thread_local Interruptible* current = nullptr;

}  // namespace

Interruptible::Interruptible(std::function<bool()> is_interrupted)
    : is_interrupted_(std::move(is_interrupted)), outer_(std::exchange(current, this)) {}

Interruptible::~Interruptible() { current = outer_; }

bool Interruption::is_possible() noexcept { return current != nullptr && current->is_interrupted_; }

void Interruption::check() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point now = Clock::now();
  if (now < current->asks_at_) return;
  const bool has_just_begun = current->asks_at_ == Clock::time_point{};
  current->asks_at_ = now + interval;
  if (!has_just_begun && current->is_interrupted_()) {
    throw InterruptedError("the call was interrupted before it was done; it has changed nothing");
  }
}

}  // namespace accrete
