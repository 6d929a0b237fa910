#include "layout/files/files_writer.hpp"

#include <algorithm>
#include <limits>

#include "base/expected_size.hpp"
#include "base/interruption.hpp"
#include "base/key_name.hpp"
#include "base/throw_io_error.hpp"
#include "os/system.hpp"

namespace accrete {
namespace {

/// What is being handled, as an error of a batch that may be applied yet.
[[noreturn]] void rethrow_as_unknown(const std::optional<BatchId>& id) {
  try {
    throw;
  } catch (const std::exception& error) {
    throw UnknownOutcomeError(
        std::string(error.what()) +
            "; the batch could not be taken back, and may be applied yet: with an id, send it again "
            "and it is applied once; without one, look at what is there",
        id);
  }
}

}  // namespace

bool FilesWriter::append(ControlWords& words, std::span<const Entry> entries, const AppendOptions& options) {
  if (options.sync) check_no_sync_failed(files_);
  const ControlWords old_words = words;
  std::optional<WriterUpdate> writer;
  if (options.id) {
    const auto found = files_.writers.find(options.id->writer, words.writers);
    if (found && found->sequence >= options.id->sequence) return false;
    writer = found ? WriterUpdate{.slot = found->slot, .old_sequence = found->sequence}
                   : WriterUpdate{.slot = files_.writers.new_slot(options.id->writer, words.writers)};
    words.writers = std::max(words.writers, writer->slot + 1);
  }
  plan_.assign(entries);
  files_.values.plan(plan_.groups());
  if (options.expect_size) {
    const ValueGroup& group = plan_.groups()[0];
    check_expected_size(group.key, group.old_size, *options.expect_size);
  }
  check_file_size_limit();
  add_totals(words);
  if (!options.sync) {
    words.unsynced = true;
    append_under_intent(words, old_words, options.id, writer, SyncAll::no);
  } else if (fits_journal()) {
    append_through_journal(words, old_words, options.id, writer);
  } else {
    append_under_intent(words, old_words, options.id, writer, SyncAll::yes);
  }
  return true;
}

void FilesWriter::append_under_intent(ControlWords& words, const ControlWords& old_words,
                                      const std::optional<BatchId>& id, const std::optional<WriterUpdate>& writer,
                                      SyncAll sync) {
  set_intent(writer);
  encode_intent(intent_, record_);
  change([&] {
    files_.control.begin_intent(old_words, record_);
    append_groups(words);
    if (id) files_.writers.store(writer->slot, *id);
    if (sync == SyncAll::yes) checkpoint(files_, words);
    commit(words);
  });
  // The intent may have reached the disk with the checkpoint: its end must too, or power loss would take the batch
  // back.
  if (sync == SyncAll::yes) sync_commit(words, old_words);
}

/// Who is told that it failed sends the batch again, so it is taken back then.
void FilesWriter::sync_commit(const ControlWords& words, const ControlWords& old_words) {
  try {
    files_.control.sync();
  } catch (...) {
    change([&] {
      ControlWords before = words;
      before.keys = old_words.keys;
      before.bytes = old_words.bytes;
      before.writers = old_words.writers;
      files_.control.begin_intent(before, record_);
      throw;
    });
  }
}

void FilesWriter::append_through_journal(ControlWords& words, const ControlWords& old_words,
                                         const std::optional<BatchId>& id, const std::optional<WriterUpdate>& writer) {
  const std::string payload = journal_payload(id);
  // The nonce differs if somebody was killed between starting the journal anew and committing that.
  const bool restart = words.unsynced || words.journal_end < Journal::header_size ||
                       files_.journal.load_nonce() != words.journal_nonce ||
                       words.journal_end + Journal::record_size(payload) > files_.journal.size_limit();
  if (restart) sync_values(files_);
  const std::uint64_t offset = restart ? Journal::header_size : words.journal_end;
  change([&] { files_.control.begin_journal(old_words); });
  try {
    if (restart) {
      words.journal_nonce = random_u64();
      words.journal_end = files_.journal.restart(words.journal_nonce, payload);
      words.unsynced = false;
    } else {
      words.journal_end = files_.journal.append(words.journal_nonce, offset, payload);
    }
    append_groups(words);
    if (id) files_.writers.store(writer->slot, *id);
    commit(words);
  } catch (...) {
    set_intent(writer);
    if (!try_take_back_journaled(words.journal_nonce, offset, old_words.writers)) rethrow_as_unknown(id);
    throw;
  }
}

/// The record goes last: where taking back fails before, the whole batch is rolled forward instead, never a part of it.
/// False where that is what the next access may do.
bool FilesWriter::try_take_back_journaled(std::uint64_t nonce, std::uint64_t offset,
                                          std::uint64_t old_writers) noexcept {
  bool is_taken_back = false;
  try {
    for (const IntentTarget& target : intent_.targets) files_.values.take_back(target.key, target.old_size);
    if (intent_.writer) files_.writers.restore(intent_.writer->slot, intent_.writer->old_sequence, old_writers);
    files_.journal.invalidate(nonce, offset);
    is_taken_back = true;
    recover_now();
  } catch (const std::exception&) {
    // The next access recovers.
  }
  return is_taken_back;
}

/// Runs a change that an intent covers. One that fails is recovered from at once, as if its writer had died.
template <typename Change>
void FilesWriter::change(Change apply) {
  try {
    apply();
  } catch (...) {
    try {
      recover_now();
    } catch (const std::exception&) {
      // The next access recovers.
    }
    throw;
  }
}

void FilesWriter::recover_now() {
  if (needs_recovery(files_.control.load(), witness_)) (void)recover(files_, witness_);
  files_.values.forget_files();
}

/// Within a change: who takes over from one that is cut off opens all files anew, too.
void FilesWriter::append_groups(ControlWords& words) {
  constexpr std::size_t groups_between_checks = 64;
  std::size_t count = 0;
  bool any_replaced = false;
  for (ValueGroup& group : plan_.groups()) {
    if (++count % groups_between_checks == 0) throw_if_interrupted();
    any_replaced |= group.is_linked;
    if (group.is_linked) files_.values.break_link(group);
    files_.values.append(group, plan_.pieces(group));
  }
  words.removals += any_replaced ? 1 : 0;
}

void FilesWriter::commit(ControlWords& words) {
  ++words.commits;
  files_.control.commit(words);
}

void FilesWriter::set_intent(const std::optional<WriterUpdate>& writer) {
  intent_.kind = Intent::Kind::append;
  intent_.writer = writer;
  intent_.targets.clear();
  for (const ValueGroup& group : plan_.groups()) {
    intent_.targets.push_back({.key = group.key, .old_size = group.old_size});
  }
}

void FilesWriter::add_totals(ControlWords& words) {
  for (const ValueGroup& group : plan_.groups()) {
    words.keys += group.old_size ? 0 : 1;
    words.bytes += group.bytes;
  }
}

std::string FilesWriter::journal_payload(const std::optional<BatchId>& id) {
  JournalPayload payload(id, static_cast<std::uint32_t>(plan_.groups().size()));
  for (const ValueGroup& group : plan_.groups()) {
    payload.add_entry(group.key, group.old_size, group.bytes);
    for (const std::string_view piece : plan_.pieces(group)) payload.add_bytes(piece);
  }
  return payload.str();
}

/// A larger batch syncs the file system instead of being written twice.
bool FilesWriter::fits_journal() {
  const std::uint64_t limit = files_.journal.size_limit();
  std::uint64_t size = 0;
  for (const ValueGroup& group : plan_.groups()) size += JournalPayload::size_of(group.key, group.bytes);
  return limit >= Journal::smallest_size_limit && size <= limit / 8;
}

/// Writing beyond the limit would raise SIGXFSZ, which kills the process unless it is ignored.
void FilesWriter::check_file_size_limit() {
  if (file_size_limit_ == std::numeric_limits<std::uint64_t>::max()) return;
  for (const ValueGroup& group : plan_.groups()) {
    const std::uint64_t old_size = group.old_size.value_or(0);
    if (old_size <= file_size_limit_ && group.bytes <= file_size_limit_ - old_size) continue;
    throw_io_error("append to", files_.directory->path() + "/" + key_to_name(group.key), EFBIG);
  }
}

void FilesWriter::erase(ControlWords& words, std::string_view key) {
  const std::optional<std::uint64_t> size = files_.values.size(key);
  if (!size) return;
  check_value_removable(*files_.directory, key);
  empty_journal(words);
  intent_ = {.kind = Intent::Kind::erase};
  intent_.targets.push_back({.key = key, .old_size = size});
  encode_intent(intent_, record_);
  const ControlWords old_words = words;
  words.keys -= 1;
  words.bytes -= *size;
  words.unsynced = true;
  ++words.removals;
  change([&] {
    files_.control.begin_intent(old_words, record_);
    try {
      files_.values.remove(key);
    } catch (...) {
      if (files_.values.size(key)) files_.control.cancel();
      throw;
    }
    commit(words);
  });
}

void FilesWriter::drop(ControlWords& words) {
  check_values_removable(*files_.directory);
  empty_journal(words);
  intent_ = {.kind = Intent::Kind::drop};
  encode_intent(intent_, record_);
  const ControlWords old_words = words;
  words.keys = 0;
  words.bytes = 0;
  words.unsynced = true;
  ++words.removals;
  files_.values.forget_files();
  change([&] {
    files_.control.begin_intent(old_words, record_);
    bool any_removed = false;
    try {
      remove_all_values(*files_.directory, any_removed);
    } catch (...) {
      if (!any_removed) files_.control.cancel();
      throw;
    }
    commit(words);
  });
}

/// The journal's records would bring removed values back after power loss.
void FilesWriter::empty_journal(ControlWords& words) {
  if (words.journal_end <= Journal::header_size) return;
  check_no_sync_failed(files_);  // the journal may hold what the values have lost
  change([&] {
    files_.control.begin_journal(words);
    checkpoint(files_, words);
    commit(words);
  });
}

void FilesWriter::renew_journal(ControlWords& words) {
  if (files_.control.has_failed_sync()) return;  // it may hold what the values have lost
  change([&] {
    files_.control.begin_journal(words);
    restart_journal(files_, words);
    commit(words);
  });
}

void FilesWriter::forget_writer(ControlWords& words, const BatchId& last) {
  const auto found = files_.writers.find(last.writer, words.writers);
  if (!found || found->sequence > last.sequence) return;
  files_.writers.forget(last.writer, words.writers);
  ++words.commits;  // so that others look at the table again
  files_.control.set_words(words);
}

void FilesWriter::set_layered(ControlWords& words, bool layered) {
  change([&] {
    files_.control.begin_journal(words);
    words.layered = layered;
    commit(words);
  });
}

}  // namespace accrete
