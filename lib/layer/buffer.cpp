#include "layer/buffer.hpp"

#include <algorithm>
#include <utility>

#include "base/record.hpp"

namespace accrete {
namespace {

/// Without a journal, more than that goes straight down.
constexpr std::uint64_t most_bytes_copied = std::uint64_t{8} << 20;

/// On average. To copy them into a journal and into memory first would save nothing.
constexpr std::uint64_t large_entry_bytes = std::uint64_t{32} << 10;

}  // namespace

Buffer::Buffer(Store& below, const Settings& settings)
    : below_(below), settings_(settings), state_(std::make_unique<State>()) {
  if (settings_.journal) start_journal();
}

Buffer::~Buffer() { stop_flusher(); }

void Buffer::start_journal() {
  BufferJournal::Settings settings = *settings_.journal;
  state_->applied_step = state_->step = below_.last_sequence(settings.journal).value_or(0);
  const std::uint64_t replayed = below_.last_sequence(replay_writer(settings.journal)).value_or(0);
  settings.first_number = replayed_segment(replayed) + 1;
  if (settings.synced) below_.sync();
  journal_ = std::make_unique<BufferJournal>(settings_.owned->directory(), settings);
  settings_.owned->set_buffered(true);
}

std::uint64_t Buffer::most_bytes_gathered() const noexcept {
  return std::min(settings_.limit_bytes / 4, has_journal() ? max_record_payload / 2 : most_bytes_copied);
}

// Where batches are synced, one fdatasync of the journal costs less than one of each value.
bool Buffer::is_large(std::span<const Entry> entries, std::uint64_t bytes) const noexcept {
  return bytes > most_bytes_gathered() ||
         (!is_synced() && !entries.empty() && bytes >= entries.size() * large_entry_bytes);
}

void Buffer::gather(std::span<const Entry> entries, std::uint64_t bytes) {
  check_owner();
  const BufferedBatch batch{.entries = entries};
  std::unique_lock lock = enter(bytes);
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
    std::unique_lock lock = enter(bytes);
    journal_and_gather(batches_, lock);
    state.ids.keep();
  } catch (...) {
    const std::lock_guard lock(state.mutex);
    state.ids.take_back_to(0);
    throw;
  }
}

/// Returns when `bytes` fit the memory and the journal, and nobody is writing.
std::unique_lock<std::mutex> Buffer::enter(std::uint64_t bytes) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  ensure_flusher();
  for (;;) {
    wait_for_room(lock, bytes);
    if (state.is_writing) {
      state.room.wait(lock);
    } else if (state.change && state.change->is_removal()) {
      // It failed, and its outcome is not known. To be learned now: what it then discards was gathered before it.
      lock.unlock();
      (void)lock_order();
      lock.lock();
    } else if (!journal_ || journal_->fits(bytes)) {
      return lock;
    } else {
      make_room_in_journal(lock);
    }
  }
}

/// The other segment is to be overwritten: all that it covers must be below.
void Buffer::make_room_in_journal(std::unique_lock<std::mutex>& lock) {
  State& state = *state_;
  const std::uint64_t active = journal_->segment();
  lock.unlock();
  flush_keys([&] { return state.values.all_before(active); });
  (void)lock_order();  // once what another thread was handing down is there, too
  save_ids();
  if (is_synced()) below_.sync();
  lock.lock();
  // Another thread may have come first, or put back what it could not hand down.
  if (!state.is_writing && journal_->segment() == active && !has_stage_before(active)) journal_->start_next_segment();
}

/// Under the mutex: whether something that stands in a segment before `stage` is not below yet.
bool Buffer::has_stage_before(std::uint64_t stage) const {
  const State& state = *state_;
  const auto is_before = [&](const GatheredValues::Taken::Value& value) { return value.stage < stage; };
  if (state.change && std::ranges::any_of(state.change->taken.values, is_before)) return true;
  return !state.values.all_before(stage).empty();
}

void Buffer::journal_and_gather(std::span<const BufferedBatch> batches, std::unique_lock<std::mutex>& lock) {
  State& state = *state_;
  if (journal_) {
    BufferBatches record(record_);
    for (const BufferedBatch& batch : batches) record.add(batch);
    std::optional<Writing> writing;
    if (is_synced()) writing.emplace(state, lock);  // readers need not wait for the disk
    journal_->append(record_);
  }
  try {
    const std::uint64_t stage = journal_ ? journal_->segment() : 0;
    for (const BufferedBatch& batch : batches) state.values.append(batch.entries, stage);
  } catch (...) {
    state.values.take_back();
    if (journal_) journal_->take_back();
    throw;
  }
  state.values.keep();
  if (must_flush()) state.wanted.notify_one();
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
  const std::lock_guard lock(state_->mutex);
  if (!state_->ids.find(writer)) state_->ids.learn(writer, last);
  return last;
}

void Buffer::forget_writer(const WriterId& writer) {
  const std::lock_guard lock(state_->mutex);
  state_->ids.forget(writer);
}

void Buffer::flush() {
  check_owner();
  throw_failure();
  flush_keys([&] { return state_->values.all(); });
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
}

void Buffer::close() {
  if (is_inherited_) return;
  stop_flusher();
  flush_keys([&] { return state_->values.all(); });
  save_ids();
  if (!journal_) return;
  if (is_synced()) below_.sync();
  settings_.owned->set_buffered(false);
  journal_->remove();
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
