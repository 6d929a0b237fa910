#include "layer/buffer.hpp"

#include <algorithm>
#include <utility>

#include "base/record.hpp"

namespace accrete {
namespace {

/// Without a journal, more than that goes straight down.
constexpr std::uint64_t most_bytes_copied = std::uint64_t{8} << 20;

std::uint64_t bytes_of(std::span<const Entry> entries) noexcept {
  std::uint64_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.bytes.size();
  return bytes;
}

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

void Buffer::gather(std::span<const Entry> entries) {
  check_owner();
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  wait_for_room(lock, bytes_of(entries));
  try {
    state.values.append(entries, 0);
    state.values.keep();
  } catch (...) {
    state.values.take_back();
    throw;
  }
  if (must_flush()) wake_flusher();
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
    {
      std::unique_lock lock(state.mutex);
      wait_for_room(lock, bytes);
    }
    std::unique_lock writing(state.writing);
    if (journal_) write_to_journal(batches, bytes, writing);
    gather_journaled(batches);
  } catch (...) {
    const std::lock_guard lock(state.mutex);
    state.ids.take_back_to(0);
    throw;
  }
}

void Buffer::write_to_journal(std::span<GroupedBatch* const> batches, std::uint64_t bytes,
                              std::unique_lock<std::mutex>& writing) {
  if (!journal_->fits(bytes)) {
    writing.unlock();
    make_room_in_journal();
    writing.lock();
    journal_->start_next_segment();
  }
  BufferBatches record(record_);
  for (const GroupedBatch* const batch : batches) {
    record.add({.id = batch->options.id, .session = batch->session, .entries = batch->entries});
  }
  journal_->append(record_);
}

/// The other segment is to be overwritten: all that it covers must be below.
void Buffer::make_room_in_journal() {
  const std::uint64_t active = journal_->segment();
  flush_keys([&] { return state_->values.all_before(active); });
  save_ids();
  if (is_synced()) below_.sync();
}

void Buffer::gather_journaled(std::span<GroupedBatch* const> batches) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  try {
    const std::uint64_t stage = journal_ ? journal_->segment() : 0;
    for (const GroupedBatch* const batch : batches) state.values.append(batch->entries, stage);
  } catch (...) {
    state.values.take_back();
    if (journal_) journal_->take_back();
    throw;
  }
  state.values.keep();
  state.ids.keep();
  if (must_flush()) wake_flusher();
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
  state_->writing.lock();
  state_->mutex.lock();
}

void Buffer::after_fork_in_parent() noexcept {
  state_->mutex.unlock();
  state_->writing.unlock();
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
