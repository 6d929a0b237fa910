// Changes of the store below, one after the other, and what to do where it is not known whether one was made.
#include <accrete/error.hpp>
#include <algorithm>
#include <utility>

#include "layer/buffered/buffered.hpp"

namespace accrete {

void Buffered::do_erase(std::string_view key) {
  Change removal;
  removal.kind = Change::Kind::erase;
  removal.key = key;
  remove(std::move(removal), [&] { below_->erase(key); });
}

void Buffered::do_drop() {
  Change removal;
  removal.kind = Change::Kind::drop;
  remove(std::move(removal), [&] { below_->drop(); });
}

void Buffered::remove(Change removal, const std::function<void()>& below) {
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

void Buffered::check_removable(const Change& removal) const {
  const bool is_erase = removal.kind == Change::Kind::erase;
  settings_.owned->check_removable(is_erase ? std::optional<std::string_view>(removal.key) : std::nullopt);
}

/// At once, after what is gathered for the same keys.
void Buffered::append_below(std::span<const Entry> entries, const AppendOptions& options) {
  check_owner();
  if (options.sync && !is_synced()) flush_gathered();
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
void Buffered::append_claimed(std::span<const Entry> entries, const AppendOptions& options) {
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
  carry_out([&] { below_->append_batch(entries, options_below); });
}

/// Under `order`. From now on nothing is gathered for the entries' keys.
void Buffered::claim(std::span<const Entry> entries) {
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
void Buffered::end_claim() noexcept {
  const std::lock_guard lock(state_->mutex);
  if (!state_->change || state_->change->kind != Change::Kind::append) state_->claimed.clear();
}

/// Under the mutex, while nobody is writing.
void Buffered::journal_step(const BufferStep& step) const {
  if (!has_journal()) return;
  // Readers wait for what has become of one, so that must be said.
  if (is_outcome(step) && is_synced() && settings_.owned->has_failed_sync())
    return journal_->append_unsynced_step(step);
  journal_->append_step(step);
}

/// Does the work of the change that has begun. What fails may have been done all the same.
void Buffered::carry_out(const std::function<void()>& work) {
  try {
    work();
  } catch (const InterruptedError&) {
    end_change(false);
    throw;
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
bool Buffered::try_end_change() const noexcept {
  try {
    const bool done = is_done(*state_->change);
    end_change(done);
    return done;
  } catch (const std::exception&) {
    return false;  // the next to take the order asks again
  }
}

bool Buffered::is_done(const Change& change) const {
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
  return change.id && below_->last_sequence(change.id->writer) >= change.id->sequence;
}

/// Under `order`. When it throws, the change stays for the next to end it, unless it is a removal that was made and
/// could not be synced: readers must not wait for a sync that may never come to be.
void Buffered::end_change(bool is_done) const {
  State& state = *state_;
  Change& change = *state.change;
  std::exception_ptr failed_sync;
  if (is_done && change.is_removal() && is_synced()) {
    try {
      below_->sync();
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

std::unique_lock<FairSharedMutex> Buffered::lock_order() const {
  std::unique_lock order(state_->order);
  if (state_->change) end_change(is_done(*state_->change));
  return order;
}

std::shared_lock<FairSharedMutex> Buffered::share_order() const {
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
