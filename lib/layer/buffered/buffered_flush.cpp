// Handing down what is gathered.
#include <accrete/interruptible.hpp>
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/interruption.hpp"
#include "layer/buffered/buffered.hpp"
#include "os/thread.hpp"

namespace accrete {
namespace {

/// Handed down in one batch: readers wait meanwhile.
constexpr std::uint64_t max_bytes_a_round = std::uint64_t{32} << 20;

/// Handed down together, so that the cost of a step is small beside theirs.
constexpr std::uint64_t worthwhile_bytes = std::uint64_t{8} << 20;

}  // namespace

/// For who hands down: a thread that appends in a loop has the mutex most of the time, would wake who sleeps on it
/// again and again, and have it back before he is up.
std::unique_lock<std::mutex> Buffered::lock_amid_appends(std::mutex& mutex) {
  constexpr int max_tries = 10'000;
  std::unique_lock lock(mutex, std::try_to_lock);
  for (int i = 0; !lock && i < max_tries; ++i) lock = std::unique_lock(mutex, std::try_to_lock);
  if (!lock) lock.lock();
  return lock;
}

/// Under the mutex.
bool Buffered::is_short_of_memory() const noexcept {
  const std::uint64_t high_water = settings_.limit_bytes / 4 * 3;
  return state_->values.held_bytes() >= high_water && !state_->values.empty();
}

/// Under the mutex. Where a step waits for the disk, there is no hurry to take one.
bool Buffered::must_flush() const noexcept {
  return is_short_of_memory() || (!is_synced() && state_->values.worthwhile_bytes() >= worthwhile_bytes);
}

/// Under the mutex, before anything is changed: there may be no thread left. A forked child has none of its own yet.
void Buffered::ensure_flusher() {
  State& state = *state_;
  if (!state.flusher.joinable()) state.flusher = start_thread([this, &state] { flush_in_background(state); });
}

/// Under the mutex: whether `bytes` more fit, or there is nothing to hand down. Throws what the flusher has met.
bool Buffered::has_room(std::uint64_t bytes) const {
  State& state = *state_;
  if (state.failure) std::rethrow_exception(std::exchange(state.failure, nullptr));
  return state.values.held_bytes() + bytes <= settings_.limit_bytes || state.values.empty();
}

void Buffered::wait_for_room(std::unique_lock<std::mutex>& lock, std::uint64_t bytes) {
  while (!has_room(bytes)) {
    state_->wanted.notify_one();
    wait_or_interrupted(state_->room, lock);
  }
}

void Buffered::throw_failure() {
  const std::lock_guard lock(state_->mutex);
  if (state_->failure) std::rethrow_exception(std::exchange(state_->failure, nullptr));
}

void Buffered::flush_in_background(State& state) {
  const std::uint64_t low_water = settings_.limit_bytes / 2;
  std::unique_lock lock(state.mutex);
  for (;;) {
    state.wanted.wait(lock, [&] { return state.closing || must_flush(); });
    if (state.closing) return;
    lock.unlock();
    std::exception_ptr failure;
    try {
      flush_keys([&] {
        if (!is_short_of_memory()) return state.values.worthwhile();
        return state.values.largest(state.values.held_bytes() - low_water);
      });
    } catch (...) {
      failure = std::current_exception();
    }
    lock = lock_amid_appends(state.mutex);
    if (failure) {
      state.failure = failure;
      state.room.notify_all();
      // Trying again at once would fail again.
      constexpr std::chrono::milliseconds pause{100};
      state.wanted.wait_for(lock, pause, [&] { return state.closing; });
    }
  }
}

void Buffered::stop_flusher() noexcept {
  State& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    state.closing = true;
  }
  state.wanted.notify_all();
  if (state.flusher.joinable()) state.flusher.join();
}

void Buffered::do_flush() {
  flush_gathered();
  below_->flush();
}

void Buffered::do_sync() {
  if (!is_synced()) {
    flush_gathered();
    below_->sync();
    return;
  }
  check_owner();
  throw_failure();
  settings_.owned->check_no_sync_failed();
}

/// First throws what the buffer's own thread has met since the last call.
void Buffered::flush_gathered() {
  check_owner();
  throw_failure();
  flush_all();
  save_ids();
}

/// What a change that failed before has taken may have to be put back first, or it would be missed here.
void Buffered::flush_all() {
  (void)lock_order();
  flush_keys([&] { return state_->values.all(); });
}

/// Hands down what is gathered for the keys that `choose` returns.
void Buffered::flush_keys(const Choice& choose) {
  State& state = *state_;
  GatheredValues::Numbers numbers;
  {
    const auto lock = lock_amid_appends(state.mutex);
    numbers = choose();
    ++state.flushers;
  }
  std::exception_ptr failure;
  try {
    while (!numbers.empty()) {
      throw_if_interrupted();
      // Without a journal, a crash must not leave bytes whose batch would be applied again.
      if (!has_journal()) save_ids();
      const auto order = lock_order();
      flush_some(numbers);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  {
    const Interruptible uninterrupted(nullptr);
    const std::shared_lock order(state.order);
    const auto lock = lock_amid_appends(state.mutex);
    const bool is_last = --state.flushers == 0;
    const bool is_idle = is_last && !state.change && !state.is_writing;
    if (is_idle && state.values.forget_idle_keys(settings_.limit_bytes / 16) && journal_) {
      state.owed.clear();
      state.owed = state.values.all_before(static_cast<std::uint32_t>(journal_->segment()));
    }
    state.room.notify_all();  // what is forgotten makes room, too
  }
  if (failure) std::rethrow_exception(failure);
}

/// Under `order`.
void Buffered::flush_some(GatheredValues::Numbers& numbers) {
  State& state = *state_;
  const std::uint64_t max_bytes = std::min(max_bytes_a_round, max_batch_below_);
  std::vector<Entry> entries;
  {
    auto lock = lock_amid_appends(state.mutex);
    state.room.wait(lock, [&] { return !state.is_writing; });
    Change change{.taken = state.values.take(numbers, max_bytes)};
    if (change.taken.values.empty()) return;
    try {
      entries = state.values.entries(change.taken);
      note_stored_size(change);
    } catch (...) {
      state.values.put_back(std::move(change.taken));
      throw;
    }
    state.change.emplace(std::move(change));
  }
  carry_out([&] {
    // So that nobody below has to find out which of them belong together.
    std::ranges::stable_sort(entries, {}, &Entry::key);
    below_->append_batch(entries, {.sync = is_synced()});
  });
}

/// By which it is told, should the flush fail, whether it was done all the same: one of its values tells for all.
void Buffered::note_stored_size(Change& flush) const {
  if (!owns_below()) return;
  const auto has_bytes = [](const GatheredValues::Taken::Value& value) { return value.size > 0; };
  const auto found = std::ranges::find_if(flush.taken.values, has_bytes);
  if (found == flush.taken.values.end()) return;
  flush.key = state_->values.name(found->key);
  flush.stored_size = settings_.owned->stored_size(flush.key);
}

}  // namespace accrete
