#include "layer/buffered/buffer.hpp"

#include <algorithm>
#include <utility>

#include "base/own_writer.hpp"
#include "base/record.hpp"
#include "dataset/session_writer.hpp"

namespace accrete {
namespace {

/// Without a journal, more than that goes straight down.
constexpr std::uint64_t max_bytes_copied = std::uint64_t{8} << 20;

/// That fit a segment of the journal, if there is one.
std::uint64_t max_record_bytes(const std::optional<BufferJournal::Settings>& journal) {
  constexpr std::uint64_t around_it = buffer_segment_front_size + record_size(0);
  if (!journal) return max_record_payload;
  return std::min(max_record_payload, journal->segment_bytes - std::min(journal->segment_bytes, around_it));
}

/// On average. To copy them into a journal and into memory first would save nothing.
constexpr std::uint64_t large_entry_bytes = std::uint64_t{32} << 10;

}  // namespace

Buffer::Buffer(Store& below, const Settings& settings)
    : below_(below),
      settings_(settings),
      max_record_bytes_(max_record_bytes(settings.journal)),
      session_secret_(owns_below() ? settings.owned->session_secret() : random_u64()),
      state_(std::make_unique<State>()) {
  if (settings_.journal) start_journal();
}

Buffer::~Buffer() { stop_flusher(); }

void Buffer::start_journal() {
  if (is_synced()) below_.sync();
  BufferJournal::Settings journal = *settings_.journal;
  journal.note_failed_sync = [owned = settings_.owned] { owned->note_failed_sync(); };
  journal.check_no_sync_failed = [owned = settings_.owned] { owned->check_no_sync_failed(); };
  journal_ = std::make_unique<BufferJournal>(settings_.owned->directory(), journal);
  settings_.owned->set_layered(true);
}

std::uint64_t Buffer::max_bytes_gathered() const noexcept {
  return std::min(settings_.limit_bytes / 4, has_journal() ? max_record_payload / 2 : max_bytes_copied);
}

// Where batches are synced, one fdatasync of the journal costs less than one of each value.
bool Buffer::is_large(std::span<const Entry> entries, std::uint64_t bytes) const noexcept {
  return bytes > max_bytes_gathered() || bytes + entries.size() * buffer_place_size > max_record_bytes_ ||
         (!is_synced() && !entries.empty() && bytes >= entries.size() * large_entry_bytes);
}

void Buffer::gather(std::span<const Entry> entries, std::uint64_t bytes) {
  check_owner();
  const BufferedBatch batch{.entries = entries};
  std::unique_lock lock = enter({&batch, 1}, bytes);
  journal_and_gather({&batch, 1}, lock);
}

void Buffer::remember(const GroupedBatch& batch) {
  const std::lock_guard lock(state_->mutex);
  BatchIds& ids = state_->ids;
  const std::size_t pending = ids.pending();
  try {
    if (batch.options.id) ids.add(*batch.options.id);
    if (batch.session) ids.add(*batch.session);
  } catch (...) {
    ids.take_back_to(pending);
    throw;
  }
}

void Buffer::gather(std::span<GroupedBatch* const> batches, std::uint64_t bytes) {
  State& state = *state_;
  try {
    check_owner();
    batches_.clear();
    for (const GroupedBatch* const batch : batches) {
      batches_.push_back({.id = batch->options.id, .session = batch->session, .entries = batch->entries});
    }
    std::unique_lock lock = enter(batches_, bytes);
    journal_and_gather(batches_, lock);
    state.ids.keep();
  } catch (...) {
    const std::lock_guard lock(state.mutex);
    state.ids.take_back_to(0);
    throw;
  }
}

/// Returns when `bytes` fit the memory and the journal, and nobody is writing.
std::unique_lock<std::mutex> Buffer::enter(std::span<const BufferedBatch> batches, std::uint64_t bytes) {
  State& state = *state_;
  std::uint64_t bytes_of_places = 0;  // at most
  for (const BufferedBatch& batch : batches) bytes_of_places += batch.entries.size() * buffer_place_size;
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
    } else if (!journal_ || journal_->fits(bytes + bytes_of_places)) {
      return lock;
    } else {
      make_room_in_journal(lock);
    }
  }
}

/// Under the mutex. What a removal discards was gathered before it; and where the bytes begin that are behind what is
/// being appended below is known once that has been done. If it has failed, who takes the order learns its outcome.
bool Buffer::must_wait_for_change(std::span<const BufferedBatch> batches) const {
  const State& state = *state_;
  if (state.change && state.change->is_removal()) return true;
  if (state.claimed.empty()) return false;
  const auto is_claimed = [&](const Entry& entry) {
    return std::ranges::binary_search(state.claimed, entry.key, std::less<>{});
  };
  return std::ranges::any_of(
      batches, [&](const BufferedBatch& batch) { return std::ranges::any_of(batch.entries, is_claimed); });
}

/// The other segment is to be overwritten: all that it covers must be below.
void Buffer::make_room_in_journal(std::unique_lock<std::mutex>& lock) {
  State& state = *state_;
  const auto active = static_cast<std::uint32_t>(journal_->segment());
  lock.unlock();
  flush_keys([&] { return state.values.all_before(active); });
  (void)lock_order();  // once what another thread was handing down is there, too
  save_ids();
  if (is_synced()) below_.sync();
  lock.lock();
  // Another thread may have come first, or put back what it could not hand down.
  const bool may_be_started = !state.is_writing && !(state.change && state.change->is_removal());
  if (may_be_started && journal_->segment() == active && !has_stage_before(active)) journal_->start_next_segment();
}

/// Under the mutex: whether something that stands in a segment before `stage` is not below yet.
bool Buffer::has_stage_before(std::uint32_t stage) const {
  const State& state = *state_;
  const auto is_before = [&](const GatheredValues::Taken::Value& value) { return value.stage < stage; };
  if (state.change && std::ranges::any_of(state.change->taken.values, is_before)) return true;
  return !state.values.all_before(stage).empty();
}

/// Under the mutex.
void Buffer::gather_without_journal(std::span<const BufferedBatch> batches) {
  GatheredValues& values = state_->values;
  try {
    for (const BufferedBatch& batch : batches) values.append(batch.entries);
  } catch (...) {
    values.take_back();
    throw;
  }
}

void Buffer::journal_and_gather(std::span<const BufferedBatch> batches, std::unique_lock<std::mutex>& lock) {
  GatheredValues& values = state_->values;
  if (!journal_) {
    gather_without_journal(batches);
  } else {
    const auto stage = static_cast<std::uint32_t>(journal_->segment());
    try {
      find_keys(batches, stage);
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
      for (const BufferedBatch& batch : batches) {
        values.append(batch.entries, numbers.first(batch.entries.size()), stage);
        numbers = numbers.subspan(batch.entries.size());
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

void Buffer::find_keys(std::span<const BufferedBatch> batches, std::uint32_t stage) {
  GatheredValues& values = state_->values;
  numbers_.clear();
  untold_.clear();
  for (const BufferedBatch& batch : batches) {
    if (!batch.entries.empty()) values.find(batch.entries, stage, numbers_, untold_);
  }
  places_.clear();
  for (const std::uint32_t entry : untold_) {
    const std::uint32_t number = numbers_[entry];
    if (!values.end(number)) values.set_end(number, look_up_end(values.name(number)));
    const GatheredValues::End end = *values.end(number);
    places_.push_back({.entry = entry, .stored = end.stored, .behind = end.behind});
  }
}

void Buffer::encode_record(std::span<const BufferedBatch> batches) {
  BufferBatches record(record_);
  for (const BufferedBatch& batch : batches) record.add(batch);
  record.add_places(places_);
}

/// Of a key for which nothing is gathered, and which nobody is changing.
GatheredValues::End Buffer::look_up_end(const std::string& key) const {
  const std::uint64_t size = settings_.owned->stored_size(key).value_or(0);
  if (settings_.owned->marker().codec) return {.stored = size, .behind = 0};
  return {.stored = 0, .behind = size};
}

void Buffer::take_back_told() noexcept {
  for (std::uint32_t& entry : untold_) entry = numbers_[entry];
  state_->values.take_back_told(untold_);
}

std::optional<std::uint64_t> Buffer::last_sequence(const WriterId& writer) const {
  {
    const std::lock_guard lock(state_->mutex);
    if (const auto known = state_->ids.find(writer)) return known->sequence;
  }
  return below_.last_sequence(writer);
}

std::optional<std::uint64_t> Buffer::learn_last_sequence(const WriterId& writer) {
  const std::optional<std::uint64_t> last = last_sequence(writer);
  bool is_crowded = false;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->ids.find(writer)) state_->ids.learn(writer, last);
    is_crowded = state_->ids.is_crowded();
  }
  if (is_crowded) save_ids();
  return last;
}

bool Buffer::may_have_forgotten(const WriterId& writer) const {
  return owns_below() && is_own_writer(writer) && may_be_forgotten(writer, settings_.owned->forgotten_writers());
}

void Buffer::end_writers(std::span<const WriterId> writers) {
  check_owner();
  std::vector<BatchId> ended;
  for (const WriterId& writer : writers) {
    if (const auto last = last_sequence(writer)) ended.push_back({.writer = writer, .sequence = *last});
  }
  if (ended.empty()) return;
  // First: a replay would bring back what is forgotten below.
  journal_ended(ended);
  const std::lock_guard saving(state_->saving);
  for (const BatchId& last : ended) {
    if (owns_below()) settings_.owned->forget_writer(last);
    const std::lock_guard lock(state_->mutex);
    state_->ids.forget(last.writer);
  }
}

void Buffer::journal_ended(std::span<const BatchId> ended) {
  if (!has_journal()) return;
  std::string record;
  encode_ended_writers(ended, record);
  std::unique_lock lock = enter({}, record.size());
  std::optional<Writing> writing;
  if (is_synced()) writing.emplace(*state_, lock);  // readers need not wait for the disk
  journal_->append(record);
}

WriterId Buffer::session_writer(const WriterId& session) const {
  return accrete::session_writer(session_secret_, session);
}

/// What a change that failed before has taken may have to be put back first, or it would be missed here.
void Buffer::flush_all() {
  (void)lock_order();
  flush_keys([&] { return state_->values.all(); });
}

void Buffer::flush() {
  check_owner();
  throw_failure();
  flush_all();
  save_ids();
}

void Buffer::sync() {
  if (!is_synced()) {
    flush();
    below_.sync();
    return;
  }
  check_owner();
  throw_failure();
  settings_.owned->check_no_sync_failed();
}

void Buffer::close() {
  if (is_inherited_) return;
  stop_flusher();
  flush_all();
  save_ids();
  if (!journal_) return;
  if (is_synced()) below_.sync();
  journal_.reset();
  Directory& directory = settings_.owned->directory();
  close_buffer_journal(directory, [this] { settings_.owned->note_failed_sync(); });
  settings_.owned->set_layered(false);
  remove_buffer_journal(directory);
}

void Buffer::before_fork() {
  state_->order.lock();
  std::unique_lock lock(state_->mutex);
  state_->room.wait(lock, [&] { return !state_->is_writing; });
  lock.release();
}

void Buffer::after_fork_in_parent() noexcept {
  state_->mutex.unlock();
  state_->order.unlock();
}

// The old state has locks that other threads hold or wait for, and a thread that the child does not have.
void Buffer::after_fork_in_child() noexcept {
  (void)state_.release();
  state_ = std::make_unique<State>();
  is_inherited_ = owns_below();
}

void Buffer::check_owner() const {
  if (is_inherited_) (void)below_.stats();  // throws what its lock has to say
}

}  // namespace accrete
