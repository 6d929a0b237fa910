// Batches that come at the same time: what is applied already, what goes straight down, and the runs of the
// others, which share a record of the journal.
#include <accrete/error.hpp>
#include <accrete/interruptible.hpp>
#include <algorithm>
#include <optional>
#include <utility>

#include "base/entries.hpp"
#include "base/expected_size.hpp"
#include "base/own_writer.hpp"
#include "layer/buffered/buffered.hpp"

namespace accrete {
namespace {

/// On average. To copy them into a journal and into memory first would save nothing.
constexpr std::uint64_t large_entry_bytes = std::uint64_t{32} << 10;

}  // namespace

void Buffered::do_append_batch(std::span<const Entry> entries, const AppendOptions& options) {
  SubmittedBatch batch{.entries = entries, .options = options};
  const bool is_plain = !options.sync && !options.expect_size && !options.id;
  // Where nothing is synced, they have nothing to share.
  const std::uint64_t bytes = BufferBatches::size_of(encoded_size(entries));
  if (is_plain && !is_synced() && !is_large(entries, bytes)) {
    const SubmittedBatch* const run = &batch;
    (void)gather({&run, 1}, bytes);
    return;
  }
  append_batches({&batch, 1});
  if (batch.failure) std::rethrow_exception(batch.failure);
}

void Buffered::append_batches(std::span<SubmittedBatch> batches) {
  for (SubmittedBatch& batch : batches) {
    if (batch.session) batch.session->writer = session_writer(batch.session->writer);
  }
  state_->queue.run(batches, [&](std::span<SubmittedBatch* const> together) {
    std::optional<Interruptible> uninterrupted;
    if (together.size() > batches.size()) uninterrupted.emplace(nullptr);  // others would be, too
    apply(together);
  });
}

/// Throws nothing: each batch gets its own failure.
void Buffered::apply(std::span<SubmittedBatch* const> batches) noexcept {
  for (SubmittedBatch* const batch : batches) {
    try {
      take_up(*batch);
    } catch (...) {
      refuse(*batch, std::current_exception());
    }
  }
  finish_run();
  refused_.clear();
}

void Buffered::take_up(SubmittedBatch& batch) {
  const std::uint64_t bytes =
      BufferBatches::size_of(batch.encoded.empty() ? encoded_size(batch.entries) : batch.encoded.size());
  const bool goes_down = must_go_down(batch, bytes);
  const bool stands_alone =
      goes_down || batch.options.expect_size || is_applied(batch.options.id) || is_applied(batch.session);
  if (stands_alone || run_.bytes + bytes > max_run_bytes_) finish_run();
  if (batch.session) throw_if_refused(batch.session->writer);
  if (is_applied(batch.options.id) || is_applied(batch.session)) {
    if (batch.options.sync) do_sync();  // it may have been applied without
    if (batch.session && !is_applied(batch.session)) add_session_only(batch);
    return;
  }
  if (batch.options.id && !batch.has_own_id) refuse_forgotten(*batch.options.id);
  if (goes_down) return append_below(batch);
  if (batch.options.expect_size) {
    const std::string_view key = batch.entries.front().key;
    check_expected_size(key, do_size(key), *batch.options.expect_size);
  }
  add(batch, bytes);
}

/// What cannot be gathered, or would not be safe there.
bool Buffered::must_go_down(const SubmittedBatch& batch, std::uint64_t bytes) const noexcept {
  if (batch.options.sync && !is_synced()) return true;
  if (batch.options.expect_size && !owns_below()) return true;
  // Which of a client's own ids it may have forgotten, the store below knows.
  if (batch.options.id && !owns_below() && is_own_writer(batch.options.id->writer)) return true;
  return is_large(batch.entries, bytes);
}

/// Whether a batch, of so many bytes in all, is better appended below than gathered: it is too large, or its entries
/// make large writes as they are. Where batches are synced, one fdatasync of the journal costs less than one of each
/// value.
bool Buffered::is_large(std::span<const Entry> entries, std::uint64_t bytes) const noexcept {
  return bytes > max_gathered_bytes_ || bytes + entries.size() * buffer_place_size > max_record_bytes_ ||
         (!is_synced() && !entries.empty() && bytes >= entries.size() * large_entry_bytes);
}

bool Buffered::is_applied(const std::optional<BatchId>& id) {
  if (!id) return false;
  const std::optional<std::uint64_t> last = learn_last_sequence(id->writer);
  return last && id->sequence <= *last;
}

void Buffered::refuse_forgotten(const BatchId& id) {
  if (!owns_below() || !is_own_writer(id.writer) || learn_last_sequence(id.writer)) return;
  if (may_be_forgotten(id.writer, settings_.owned->forgotten_writers())) throw_forgotten_id(id);
}

void Buffered::add(SubmittedBatch& batch, std::uint64_t bytes) {
  run_.batches.push_back(&batch);
  try {
    remember(batch);
  } catch (...) {
    run_.batches.pop_back();
    throw;
  }
  run_.bytes += bytes;
}

/// From now on last_sequence tells so of the batch, which must be in the next run.
void Buffered::remember(const SubmittedBatch& batch) {
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

/// The store has the batch by its user's id. That it came in a session, too, must outlast a crash.
void Buffered::add_session_only(SubmittedBatch& batch) {
  batch.entries = {};
  batch.encoded = {};
  batch.options = {};
  add(batch, BufferBatches::size_of(encoded_size({})));
}

void Buffered::append_below(SubmittedBatch& batch) {
  AppendOptions options = batch.options;
  if (!options.id) options.id = batch.session;
  append_below(batch.entries, options);
  if (batch.options.id && batch.session) add_session_only(batch);
}

/// A session's batches after one that was refused are refused with it: a later one that was applied would make the
/// earlier one look as if it had been, too, when it is sent again.
void Buffered::refuse(SubmittedBatch& batch, const std::exception_ptr& failure) {
  batch.failure = failure;
  if (batch.session) refused_.try_emplace(batch.session->writer, failure);
}

void Buffered::throw_if_refused(const WriterId& session) const {
  const auto found = refused_.find(session);
  if (found != refused_.end()) std::rethrow_exception(found->second);
}

void Buffered::finish_run() noexcept {
  if (run_.batches.empty()) return;
  try {
    const std::unique_lock lock = gather(run_.batches, run_.bytes);
    state_->ids.keep();
  } catch (...) {
    {
      const std::lock_guard lock(state_->mutex);
      state_->ids.take_back_to(0);
    }
    for (SubmittedBatch* const batch : run_.batches) {
      // Without entries it says of a session what stands below already, by its user's id: it is not refused with
      // others.
      const bool is_session_only = batch->entries.empty() && !batch->options.id;
      if (!is_session_only) refuse(*batch, std::current_exception());
    }
  }
  run_.batches.clear();
  run_.bytes = 0;
}

}  // namespace accrete
