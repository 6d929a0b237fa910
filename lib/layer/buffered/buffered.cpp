// Opening and closing a buffer, and what it knows of ids.
#include "layer/buffered/buffered.hpp"

#include <algorithm>
#include <utility>

#include "base/own_writer.hpp"
#include "base/record.hpp"
#include "dataset/session_writer.hpp"
#include "store/lost_appends.hpp"

namespace accrete {
namespace {

constexpr std::uint64_t min_limit_bytes = std::uint64_t{1} << 20;

/// That fit a segment of the journal, if there is one.
std::uint64_t max_record_bytes(const std::optional<BufferJournal::Settings>& journal) {
  constexpr std::uint64_t around_it = buffer_segment_front_size + record_size(0);
  if (!journal) return max_record_payload;
  return std::min(max_record_payload, journal->segment_bytes - std::min(journal->segment_bytes, around_it));
}

/// Of a batch.
std::uint64_t max_gathered_bytes(const Buffered::Settings& settings, std::uint64_t max_batch_below) {
  constexpr std::uint64_t max_without_journal = std::uint64_t{8} << 20;
  return std::min(
      {settings.limit_bytes / 4, settings.journal ? max_record_payload / 2 : max_without_journal, max_batch_below / 2});
}

/// Of batches that share a record.
std::uint64_t max_run_bytes(const Buffered::Settings& settings) {
  constexpr std::uint64_t max = std::uint64_t{64} << 20;
  return std::min(max, (settings.journal ? settings.journal->segment_bytes : settings.limit_bytes) / 4);
}

}  // namespace

Buffered::Buffered(std::unique_ptr<Store> below, Settings settings)
    : settings_(std::move(settings)),
      max_record_bytes_(max_record_bytes(settings_.journal)),
      max_run_bytes_(max_run_bytes(settings_)),
      last_sequences_before_(owns_below() ? settings_.owned->session_sequences() : std::vector<BatchId>{}),
      session_secret_(owns_below() ? settings_.owned->session_secret() : random_u64()),
      forgotten_before_(owns_below() ? settings_.owned->forgotten_writers() : 0),
      below_(std::move(below)),
      max_batch_below_(below_->max_batch_bytes()),
      max_gathered_bytes_(max_gathered_bytes(settings_, max_batch_below_)),
      state_(std::make_unique<State>()) {
  if (settings_.journal) start_journal();
  watch_forks();
}

Buffered::~Buffered() {
  ignore_forks();
  const Interruptible uninterrupted(nullptr);
  try {
    close();
  } catch (const std::exception& error) {
    tell_lost_appends(settings_.on_lost_appends, what_is_left(error));
  }
  stop_flusher();
}

void Buffered::start_journal() {
  if (is_synced()) below_->sync();
  BufferJournal::Settings journal = *settings_.journal;
  journal.note_failed_sync = [owned = settings_.owned] { owned->note_failed_sync(); };
  journal.check_no_sync_failed = [owned = settings_.owned] { owned->check_no_sync_failed(); };
  journal_ = std::make_unique<BufferJournal>(settings_.owned->directory(), journal);
  settings_.owned->set_layered(true);
}

void Buffered::close() {
  if (is_inherited_) return;
  stop_flusher();
  flush_all();
  save_ids();
  if (!journal_) return;
  if (is_synced()) below_->sync();
  journal_.reset();
  Directory& directory = settings_.owned->directory();
  close_buffer_journal(directory, [this] { settings_.owned->note_failed_sync(); });
  settings_.owned->set_layered(false);
  remove_buffer_journal(directory);
}

std::string Buffered::what_is_left(const std::exception& error) const {
  const std::string problem =
      std::string("a buffer is closed and cannot hand all of its appends down: ") + error.what();
  if (!has_journal()) return problem + "; those that it had not handed down are lost";
  return problem + "; they are in its journal, and the next program that opens the dataset hands them down";
}

Durability Buffered::durability() const noexcept {
  if (!has_journal()) return Durability::memory;
  return is_synced() ? Durability::sync : Durability::os;
}

/// The child of a process that has the dataset for itself must not use it.
void Buffered::check_owner() const {
  if (is_inherited_) (void)below_->stats();  // throws what its lock has to say
}

void Buffered::before_fork() {
  state_->queue.before_fork();
  state_->order.lock();
  std::unique_lock lock(state_->mutex);
  state_->room.wait(lock, [&] { return !state_->is_writing; });
  lock.release();
}

void Buffered::after_fork_in_parent() noexcept {
  state_->mutex.unlock();
  state_->order.unlock();
  state_->queue.after_fork_in_parent();
}

// The old state has locks that other threads hold or wait for, and a thread that the child does not have.
void Buffered::after_fork_in_child() noexcept {
  (void)state_.release();
  state_ = std::make_unique<State>();
  is_inherited_ = owns_below();
}

std::optional<std::uint64_t> Buffered::do_last_sequence(const WriterId& writer) const {
  {
    const std::lock_guard lock(state_->mutex);
    if (const auto known = state_->ids.find(writer)) return known->sequence;
  }
  return below_->last_sequence(writer);
}

std::optional<std::uint64_t> Buffered::learn_last_sequence(const WriterId& writer) {
  const std::optional<std::uint64_t> last = do_last_sequence(writer);
  bool is_crowded = false;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->ids.find(writer)) state_->ids.learn(writer, last);
    is_crowded = state_->ids.is_crowded();
  }
  if (is_crowded) save_ids();
  return last;
}

/// Tells the store below which batches it has, or is about to have.
void Buffered::save_ids() {
  State& state = *state_;
  const std::lock_guard saving(state.saving);
  std::vector<BatchId> ids;
  {
    const std::lock_guard lock(state.mutex);
    ids = state.ids.unsaved();
  }
  for (const BatchId& id : ids) below_->append_batch({}, {.id = id});
  const std::lock_guard lock(state.mutex);
  state.ids.saved(ids);
}

WriterId Buffered::session_writer(const WriterId& session) const {
  return accrete::session_writer(session_secret_, session);
}

void Buffered::end_session(const WriterId& session, std::span<const WriterId> own_writers) {
  check_owner();
  std::vector<WriterId> writers = {session_writer(session)};
  std::ranges::copy_if(own_writers, std::back_inserter(writers), is_own_writer);
  std::vector<BatchId> ended;
  for (const WriterId& writer : writers) {
    if (const auto last = do_last_sequence(writer)) ended.push_back({.writer = writer, .sequence = *last});
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

std::unique_ptr<Store> buffered(std::unique_ptr<Store> next, const BufferOptions& options,
                                const LostAppendsHandler& on_lost_appends) {
  return std::make_unique<Buffered>(std::move(next),
                                    Buffered::Settings{.limit_bytes = std::max(options.limit_bytes, min_limit_bytes),
                                                       .on_lost_appends = on_lost_appends});
}

std::unique_ptr<BufferedStore> buffered_dataset(std::unique_ptr<Store> store, OwnedDataset& dataset,
                                                const BufferedDatasetOptions& options) {
  Buffered::Settings settings{.limit_bytes = std::max(options.buffer.limit_bytes, min_limit_bytes),
                              .owned = &dataset,
                              .on_lost_appends = options.on_lost_appends};
  if (options.durability != Durability::memory) {
    // After the last batch room is kept, by which the file may be larger.
    const std::uint64_t max_limit = options.file_size_limit - std::min(options.file_size_limit, buffer_segment_unit);
    const std::uint64_t limit = std::min(settings.limit_bytes, max_limit);
    settings.journal = {.synced = options.durability == Durability::sync,
                        .segment_bytes = limit / buffer_segment_unit * buffer_segment_unit};
    settings.write_over_bytes = std::min(options.write_over_bytes, settings.journal->segment_bytes / 4);
  }
  return std::make_unique<Buffered>(std::move(store), std::move(settings));
}

}  // namespace accrete
