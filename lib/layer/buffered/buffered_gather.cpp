// Journaling and gathering: in one order for both, so that a replay appends to each key what was appended.
#include <algorithm>
#include <utility>

#include "layer/buffered/buffered.hpp"

namespace accrete {

/// Journals and gathers batches whose ids are remembered: all of them or none. Waits for room. `bytes`: of their
/// record. Returns under the mutex.
std::unique_lock<std::mutex> Buffered::gather(Batches batches, std::uint64_t bytes) {
  check_owner();
  std::unique_lock lock = enter(batches, bytes);
  journal_and_gather(batches, lock);
  return lock;
}

/// Returns when `bytes` fit the memory and the journal, and nobody is writing.
std::unique_lock<std::mutex> Buffered::enter(Batches batches, std::uint64_t bytes) {
  State& state = *state_;
  std::uint64_t bytes_of_places = 0;  // at most
  for (const SubmittedBatch* const batch : batches) bytes_of_places += batch->entries.size() * buffer_place_size;
  std::unique_lock lock(state.mutex);
  ensure_flusher();
  for (;;) {
    wait_for_room(lock, bytes);
    if (state.is_writing) {
      state.room.wait(lock);
    } else if (must_wait_for_change(batches)) {
      lock.unlock();
      (void)lock_order();
      lock.lock();
    } else if (limits_batches() && !too_full(batches, bytes).empty()) {
      lock.unlock();
      flush_keys([&] { return too_full(batches, bytes); });
      lock.lock();
    } else if (journal_ && !journal_->fits(bytes + bytes_of_places)) {
      make_room_in_journal(lock);
    } else if (journal_ && may_write_over()) {
      write_over(lock);
    } else if (journal_ && must_pay()) {
      pay(lock);
    } else {
      return lock;
    }
  }
}

/// Under the mutex. What a removal discards was gathered before it; and where the bytes begin that stand after what is
/// being appended below is known once that has been done. If it has failed, who takes the order learns its outcome.
bool Buffered::must_wait_for_change(Batches batches) const {
  const State& state = *state_;
  if (state.change && state.change->is_removal()) return true;
  if (state.claimed.empty()) return false;
  const auto is_claimed = [&](const Entry& entry) {
    return std::ranges::binary_search(state.claimed, entry.key, std::less<>{});
  };
  return std::ranges::any_of(
      batches, [&](const SubmittedBatch* batch) { return std::ranges::any_of(batch->entries, is_claimed); });
}

/// Under the mutex: the keys of the batches for which more is gathered than lets so many bytes be added, and all of it
/// be handed down in one batch. Half of what that may have is left for the entries that it is made of.
GatheredValues::Numbers Buffered::too_full(Batches batches, std::uint64_t bytes) const {
  GatheredValues::Numbers numbers;
  const std::uint64_t half = max_batch_below_ / 2;
  for (const SubmittedBatch* const batch : batches) {
    const auto more = state_->values.larger_of(batch->entries, half - std::min(half, bytes));
    numbers.insert(numbers.end(), more.begin(), more.end());
  }
  return numbers;
}

/// The other segment is to be overwritten: all that it covers must be below.
void Buffered::make_room_in_journal(std::unique_lock<std::mutex>& lock) {
  State& state = *state_;
  const auto active = static_cast<std::uint32_t>(journal_->segment());
  lock.unlock();
  flush_keys([&] { return state.values.all_before(active); });
  (void)lock_order();  // once what another thread was handing down is there, too
  save_ids();
  if (is_synced()) below_->sync();
  lock.lock();
  // Another thread may have come first, or put back what it could not hand down.
  const bool may_be_started = !state.is_writing && !(state.change && state.change->is_removal());
  if (!may_be_started || journal_->segment() != active || has_segment_before(active)) return;
  journal_->start_next_segment();
  state.write_over_from = 0;
  state.owed.clear();
  state.owed = state.values.all();
  state.owed_at_first = state.owed.size();
}

/// Under the mutex: whether the other segment is better written over now, since nothing is to be handed down before,
/// than when this one is full. What was written lately is in memory still, and the disk may never have to have it. Only
/// where so few keys come that all of them are handed down before the segment is full: a segment of many keys is to be
/// used up.
bool Buffered::may_write_over() const {
  return !is_synced() && journal_->used_bytes() >= std::max(settings_.write_over_bytes, state_->write_over_from) &&
         state_->values.bytes_when_all_are_worthwhile() <= settings_.journal->segment_bytes / 2 &&
         !has_segment_before(static_cast<std::uint32_t>(journal_->segment()));
}

/// Under the mutex.
void Buffered::write_over(std::unique_lock<std::mutex>& lock) {
  try {
    make_room_in_journal(lock);
  } catch (const Error&) {
    // There is room yet. Who needs it all is told, if it fails then.
    if (!lock) lock.lock();
    state_->write_over_from = journal_->used_bytes() + settings_.write_over_bytes;
  }
}

/// Under the mutex. Before the segment is full, all that stands in the one before must be below. Who fills its second
/// half hands a part of that down each time: at its end alone, one would do it for all, and all would wait for him.
bool Buffered::must_pay() const {
  const std::uint64_t half = settings_.journal->segment_bytes / 2;
  const std::uint64_t left = journal_->left_bytes();
  return left < half && state_->owed.size() > state_->owed_at_first * left / half;
}

/// Under the mutex.
void Buffered::pay(std::unique_lock<std::mutex>& lock) {
  constexpr std::size_t keys_at_once = 1024;
  GatheredValues::Numbers& owed = state_->owed;
  const auto choose = [&] {
    const auto first = owed.end() - static_cast<std::ptrdiff_t>(std::min(owed.size(), keys_at_once));
    GatheredValues::Numbers numbers(first, owed.end());
    owed.erase(first, owed.end());
    return numbers;
  };
  lock.unlock();
  try {
    flush_keys(choose);
    lock.lock();
  } catch (const Error&) {
    // There is room yet. Who needs it all is told, if it fails then.
    lock.lock();
    owed.clear();
  }
}

/// Under the mutex: whether something that stands in a segment before `segment` is not below yet.
bool Buffered::has_segment_before(std::uint32_t segment) const {
  const State& state = *state_;
  return state.values.has_before(segment) || (state.change && state.change->taken.oldest_segment < segment);
}

/// Under the mutex.
void Buffered::gather_without_journal(Batches batches) {
  GatheredValues& values = state_->values;
  try {
    for (const SubmittedBatch* const batch : batches) values.append(batch->entries);
  } catch (...) {
    values.take_back();
    throw;
  }
}

void Buffered::journal_and_gather(Batches batches, std::unique_lock<std::mutex>& lock) {
  GatheredValues& values = state_->values;
  if (!journal_) {
    gather_without_journal(batches);
  } else {
    const auto segment = static_cast<std::uint32_t>(journal_->segment());
    try {
      find_keys(batches, segment);
      encode_record(batches);
      std::optional<Writing> writing;
      if (is_synced()) writing.emplace(*state_, lock);  // readers need not wait for the disk
      journal_->append(record_);
    } catch (...) {
      take_back_told();
      throw;
    }
    try {
      std::span<const std::uint32_t> numbers(numbers_);
      for (const SubmittedBatch* const batch : batches) {
        values.append(batch->entries, numbers.first(batch->entries.size()), segment);
        numbers = numbers.subspan(batch->entries.size());
      }
    } catch (...) {
      values.take_back();
      journal_->take_back();
      take_back_told();
      throw;
    }
  }
  values.keep();
  if (must_flush()) state_->wanted.notify_one();
}

void Buffered::find_keys(Batches batches, std::uint32_t segment) {
  GatheredValues& values = state_->values;
  numbers_.clear();
  untold_.clear();
  for (const SubmittedBatch* const batch : batches) {
    if (!batch->entries.empty()) values.find(batch->entries, segment, numbers_, untold_);
  }
  places_.clear();
  for (const std::uint32_t entry : untold_) {
    const std::uint32_t number = numbers_[entry];
    if (!values.end(number)) values.set_end(number, look_up_end(values.name(number)));
    const GatheredValues::End end = *values.end(number);
    places_.push_back({.entry = entry, .stored = end.stored, .after = end.after});
  }
}

void Buffered::encode_record(Batches batches) {
  BufferBatches record(record_);
  for (const SubmittedBatch* const batch : batches) {
    record.add(
        {.id = batch->options.id, .session = batch->session, .entries = batch->entries, .encoded = batch->encoded});
  }
  record.add_places(places_);
}

/// Of a key for which nothing is gathered, and which nobody is changing.
GatheredValues::End Buffered::look_up_end(const std::string& key) const {
  const std::uint64_t size = settings_.owned->stored_size(key).value_or(0);
  if (settings_.owned->marker().codec) return {.stored = size, .after = 0};
  return {.stored = 0, .after = size};
}

void Buffered::take_back_told() noexcept {
  for (std::uint32_t& entry : untold_) entry = numbers_[entry];
  state_->values.take_back_told(untold_);
}

void Buffered::journal_ended(std::span<const BatchId> ended) {
  if (!has_journal()) return;
  std::string record;
  encode_ended_writers(ended, record);
  std::unique_lock lock = enter({}, record.size());
  std::optional<Writing> writing;
  if (is_synced()) writing.emplace(*state_, lock);  // readers need not wait for the disk
  journal_->append(record);
}

}  // namespace accrete
