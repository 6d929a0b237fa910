// Handing down what a buffer has gathered, and what else changes the store below.
#include <algorithm>
#include <chrono>
#include <utility>

#include "layer/buffered/buffer.hpp"
#include "os/thread.hpp"

namespace accrete {
namespace {

/// Handed down at once: readers wait meanwhile.
constexpr std::uint64_t max_bytes_a_round = std::uint64_t{32} << 20;

/// Handed down together, so that the cost of a step is small beside theirs.
constexpr std::uint64_t worthwhile_bytes = std::uint64_t{8} << 20;

/// For the flusher: a thread that appends in a loop has the mutex most of the time, would wake who sleeps on it again
/// and again, and have it back before he is up.
std::unique_lock<std::mutex> lock_amid_appends(std::mutex& mutex) {
  constexpr int max_tries = 10'000;
  std::unique_lock lock(mutex, std::try_to_lock);
  for (int i = 0; !lock && i < max_tries; ++i) lock.try_lock();
  if (!lock) lock.lock();
  return lock;
}

}  // namespace

/// Under the mutex.
bool Buffer::is_short_of_memory() const noexcept {
  const std::uint64_t high_water = settings_.limit_bytes / 4 * 3;
  return state_->values.held_bytes() >= high_water && !state_->values.empty();
}

/// Under the mutex. Where a step waits for the disk, there is no hurry to take one.
bool Buffer::must_flush() const noexcept {
  return is_short_of_memory() || (!is_synced() && state_->values.worthwhile_bytes() >= worthwhile_bytes);
}

/// Under the mutex, before anything is changed: there may be no thread left. A forked child has none of its own yet.
void Buffer::ensure_flusher() {
  State& state = *state_;
  if (!state.flusher.joinable()) state.flusher = start_thread([this, &state] { flush_in_background(state); });
}

/// Under the mutex: whether `bytes` more fit, or there is nothing to hand down. Throws what the flusher has met.
bool Buffer::has_room(std::uint64_t bytes) const {
  State& state = *state_;
  if (state.failure) std::rethrow_exception(std::exchange(state.failure, nullptr));
  return state.values.held_bytes() + bytes <= settings_.limit_bytes || state.values.empty();
}

void Buffer::wait_for_room(std::unique_lock<std::mutex>& lock, std::uint64_t bytes) {
  while (!has_room(bytes)) {
    state_->wanted.notify_one();
    state_->room.wait(lock);
  }
}

void Buffer::throw_failure() {
  const std::lock_guard lock(state_->mutex);
  if (state_->failure) std::rethrow_exception(std::exchange(state_->failure, nullptr));
}

void Buffer::flush_in_background(State& state) {
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

void Buffer::stop_flusher() noexcept {
  State& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    state.closing = true;
  }
  state.wanted.notify_all();
  if (state.flusher.joinable()) state.flusher.join();
}

/// Hands down what is gathered for the keys that `choose` returns.
void Buffer::flush_keys(const Choice& choose) {
  State& state = *state_;
  GatheredValues::Numbers numbers;
  {
    const auto lock = lock_amid_appends(state.mutex);
    numbers = choose();
    ++state.flushers;
  }
  std::exception_ptr failure;
  try {
    while (!numbers.empty()) flush_round(numbers);
  } catch (...) {
    failure = std::current_exception();
  }
  {
    const std::shared_lock order(state.order);
    const auto lock = lock_amid_appends(state.mutex);
    const bool is_last = --state.flushers == 0;
    if (is_last && !state.change && !state.is_writing) state.values.forget_idle_keys(settings_.limit_bytes / 16);
    state.room.notify_all();  // what is forgotten makes room, too
  }
  if (failure) std::rethrow_exception(failure);
}

void Buffer::flush_round(GatheredValues::Numbers& numbers) {
  // Without a journal, a crash must not leave bytes whose batch would be applied again.
  if (!has_journal()) save_ids();
  const auto order = lock_order();
  flush_some(numbers);
}

/// Under `order`.
void Buffer::flush_some(GatheredValues::Numbers& numbers) {
  State& state = *state_;
  std::vector<Entry> entries;
  {
    auto lock = lock_amid_appends(state.mutex);
    state.room.wait(lock, [&] { return !state.is_writing; });
    Change change{.taken = state.values.take(numbers, max_bytes_a_round)};
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
  carry_out([&] { below_.append_batch(entries, {.sync = is_synced()}); });
}

/// By which it is told, should the flush fail, whether it was done all the same: one of its values tells for all.
void Buffer::note_stored_size(Change& flush) const {
  if (!owns_below()) return;
  const auto has_bytes = [](const GatheredValues::Taken::Value& value) { return value.size > 0; };
  const auto found = std::ranges::find_if(flush.taken.values, has_bytes);
  if (found == flush.taken.values.end()) return;
  flush.key = state_->values.name(found->key);
  flush.stored_size = settings_.owned->stored_size(flush.key);
}

void Buffer::erase(std::string_view key) {
  Change removal;
  removal.kind = Change::Kind::erase;
  removal.key = key;
  remove(std::move(removal), [&] { below_.erase(key); });
}

void Buffer::drop() {
  Change removal;
  removal.kind = Change::Kind::drop;
  remove(std::move(removal), [&] { below_.drop(); });
}

void Buffer::remove(Change removal, const std::function<void()>& below) {
  check_owner();
  const auto order = lock_order();
  // First: a step whose removal is refused again and again would keep the dataset from being opened after a kill.
  if (has_journal()) check_removable(removal);
  {
    std::unique_lock lock(state_->mutex);
    state_->room.wait(lock, [&] { return !state_->is_writing; });
    removal.step = state_->step + 1;
    if (removal.kind == Change::Kind::erase) {
      journal_step({.kind = BufferStep::Kind::erase, .number = removal.step, .key = removal.key});
    } else {
      journal_step({.kind = BufferStep::Kind::drop, .number = removal.step});
    }
    state_->step = removal.step;
    state_->change.emplace(std::move(removal));
  }
  carry_out(below);
}

void Buffer::check_removable(const Change& removal) const {
  const bool is_erase = removal.kind == Change::Kind::erase;
  settings_.owned->check_removable(is_erase ? std::optional<std::string_view>(removal.key) : std::nullopt);
}

void Buffer::append_below(std::span<const Entry> entries, const AppendOptions& options) {
  check_owner();
  if (options.sync && !is_synced()) flush();
  if (!has_journal()) save_ids();
  const auto order = lock_order();
  claim(entries);
  try {
    append_claimed(entries, options);
  } catch (...) {
    end_claim();
    throw;
  }
  end_claim();
}

/// Under `order`: what is gathered for the entries' keys goes first.
void Buffer::append_claimed(std::span<const Entry> entries, const AppendOptions& options) {
  State& state = *state_;
  GatheredValues::Numbers numbers;
  {
    const std::lock_guard lock(state.mutex);
    numbers = state.values.all_of(entries);
  }
  while (!numbers.empty()) flush_some(numbers);
  {
    const std::lock_guard lock(state.mutex);
    for (const Entry& entry : entries) state.values.forget_end(entry.key);
    state.change.emplace(Change{.kind = Change::Kind::append, .id = options.id});
  }
  AppendOptions options_below = options;
  options_below.sync = options.sync || is_synced();
  carry_out([&] { below_.append_batch(entries, options_below); });
}

/// Under `order`. From now on nothing is gathered for the entries' keys.
void Buffer::claim(std::span<const Entry> entries) {
  if (!has_journal()) return;
  std::vector<std::string> keys;
  keys.reserve(entries.size());
  for (const Entry& entry : entries) keys.emplace_back(entry.key);
  std::ranges::sort(keys);
  std::unique_lock lock(state_->mutex);
  state_->room.wait(lock, [&] { return !state_->is_writing; });
  state_->claimed = std::move(keys);
}

/// Unless it is not known whether they were appended: who learns that ends it, too.
void Buffer::end_claim() noexcept {
  const std::lock_guard lock(state_->mutex);
  if (!state_->change || state_->change->kind != Change::Kind::append) state_->claimed.clear();
}

/// Under the mutex, while nobody is writing.
void Buffer::journal_step(const BufferStep& step) const {
  if (!has_journal()) return;
  // Readers wait for what has become of one, so that must be said.
  if (is_outcome(step) && is_synced() && settings_.owned->has_failed_sync())
    return journal_->append_unsynced_step(step);
  journal_->append_step(step);
}

/// Does the work of the change that has begun. What fails may have been done all the same.
void Buffer::carry_out(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    if (try_end_change()) return;
    const std::optional<Change>& left = state_->change;
    if (!left || left->kind == Change::Kind::flush) throw;
    throw UnknownOutcomeError(
        std::string(error.what()) +
            "; it may have been done all the same, which cannot be told now: with its id, a batch "
            "can be sent again and is applied once",
        left->id);
  }
  end_change(true);
}

/// True if the change turns out to be done.
bool Buffer::try_end_change() const noexcept {
  try {
    const bool done = is_done(*state_->change);
    end_change(done);
    return done;
  } catch (const std::exception&) {
    return false;  // the next to take the order asks again
  }
}

bool Buffer::is_done(const Change& change) const {
  if (owns_below()) settings_.owned->end_unfinished_change();  // reads may see it as not begun
  switch (change.kind) {
    case Change::Kind::flush:
      return !change.key.empty() && settings_.owned->stored_size(change.key) != change.stored_size;
    case Change::Kind::erase:
      return !has_value_below(change.key);
    case Change::Kind::drop:
      return is_empty_below();
    case Change::Kind::append:
      break;
  }
  return change.id && below_.last_sequence(change.id->writer) >= change.id->sequence;
}

/// Under `order`. When it throws, the change stays for the next to end it, unless it is a removal that was made and
/// could not be synced: readers must not wait for a sync that may never come to be.
void Buffer::end_change(bool is_done) const {
  State& state = *state_;
  Change& change = *state.change;
  std::exception_ptr failed_sync;
  if (is_done && change.is_removal() && is_synced()) {
    try {
      below_.sync();
    } catch (const Error&) {
      failed_sync = std::current_exception();
    }
  }
  const auto lock = lock_amid_appends(state.mutex);
  // Nobody is writing: since it was begun, all wait for its end.
  if (change.is_removal()) {
    journal_step({.kind = is_done ? BufferStep::Kind::done : BufferStep::Kind::not_done, .number = change.step});
  }
  if (!is_done) {
    state.values.put_back(std::move(change.taken));
  } else {
    state.flushes += change.kind == Change::Kind::flush ? 1 : 0;
    state.values.release(std::move(change.taken));
    if (change.kind == Change::Kind::erase) state.values.discard(change.key);
    if (change.kind == Change::Kind::drop) state.values.clear();
    state.removals += change.is_removal() ? 1 : 0;  // of a key, too, that is not below
    const auto known = change.id ? state.ids.find(change.id->writer) : std::nullopt;
    const bool is_newest = !known || !known->sequence || *known->sequence < change.id->sequence;
    if (change.id && is_newest) state.ids.learn(change.id->writer, change.id->sequence);
  }
  if (change.kind == Change::Kind::append) state.claimed.clear();
  state.change.reset();
  state.room.notify_all();
  if (failed_sync) std::rethrow_exception(failed_sync);
}

/// Tells the store below which batches it has, or is about to have.
void Buffer::save_ids() {
  State& state = *state_;
  const std::lock_guard saving(state.saving);
  std::vector<BatchId> ids;
  {
    const std::lock_guard lock(state.mutex);
    ids = state.ids.unsaved();
  }
  for (const BatchId& id : ids) below_.append_batch({}, {.id = id});
  const std::lock_guard lock(state.mutex);
  state.ids.saved(ids);
}

std::unique_lock<FairSharedMutex> Buffer::lock_order() const {
  std::unique_lock order(state_->order);
  if (state_->change) end_change(is_done(*state_->change));
  return order;
}

std::shared_lock<FairSharedMutex> Buffer::share_order() const {
  for (;;) {
    std::shared_lock order(state_->order);
    if (!state_->change) return order;
    order.unlock();
    try {
      (void)lock_order();
    } catch (const Error&) {
      const std::shared_lock order_again(state_->order);
      if (state_->change) throw;
      // It has ended, and could not be synced: whoever appends or syncs next is told.
    }
  }
}

}  // namespace accrete
