#include "layout/files/dataset_files.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <functional>

#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "dataset/names.hpp"
#include "dataset/staging.hpp"
#include "layout/files/check_frames.hpp"
#include "os/process.hpp"
#include "os/system.hpp"

namespace accrete {
namespace {

/// False if that is refused: then it is as if it had not begun.
bool try_erase(DatasetFiles& files, std::string_view key) {
  try {
    files.values.remove(key);
  } catch (const IoError&) {
    if (!files.values.size(key)) throw;
    return false;
  }
  return true;
}

void finish_intent(DatasetFiles& files, ControlWords& words) {
  const std::string record = files.control.load_intent();
  const Intent intent = decode_intent(record);
  switch (intent.kind) {
    case Intent::Kind::append:
      for (const IntentTarget& target : intent.targets) files.values.take_back(target.key, target.old_size);
      if (intent.writer) files.writers.restore(intent.writer->slot, intent.writer->old_sequence, words.writers);
      return;
    case Intent::Kind::erase:
      if (!try_erase(files, intent.targets[0].key)) return;
      words.keys -= 1;
      words.bytes -= *intent.targets[0].old_size;
      return;
    case Intent::Kind::drop: {
      bool any_removed = false;
      remove_all_values(*files.directory, any_removed);
      words.keys = 0;
      words.bytes = 0;
      return;
    }
  }
}

void apply(DatasetFiles& files, const JournalRecord& record, ControlWords& words) {
  for (const JournalEntry& entry : record.entries) {
    files.values.restore(entry.key, entry.old_size.value_or(0), entry.bytes);
    words.keys += entry.old_size ? 0 : 1;
    words.bytes += entry.bytes.size();
  }
  if (!record.id) return;
  const auto found = files.writers.find(record.id->writer, words.writers);
  if (found && found->sequence >= record.id->sequence) return;
  const std::uint64_t slot = found ? found->slot : files.writers.new_slot(record.id->writer, words.writers);
  words.writers = std::max(words.writers, slot + 1);
  files.writers.store(slot, *record.id);
}

/// After power loss the header may say that there was an intent whose record has not reached the disk. Nothing that is
/// promised hangs on it then: a synced batch is acknowledged after the header that ends its intent is on the disk.
bool has_intent(const Control& control, BootWitness::Told told) {
  try {
    (void)control.load_intent();
    return true;
  } catch (const CorruptionError&) {
    if (told == BootWitness::Told::other_boot) return false;
    throw;
  }
}

/// Goes over the journal's records from words.journal_end on, and leaves that at their end.
void for_each_record(const Journal& journal, ControlWords& words, const std::function<void(std::string_view)>& visit) {
  while (const auto payload = journal.load(words.journal_nonce, words.journal_end)) {
    visit(*payload);
    words.journal_end += Journal::record_size(*payload);
  }
}

/// One record at most after a kill, all after power loss.
void replay_journal(DatasetFiles& files, ControlWords& words) {
  for_each_record(files.journal, words,
                  [&](std::string_view payload) { apply(files, decode_journal_payload(payload), words); });
}

/// The header on disk decides where the journal stands: a writer may have died while it started it anew.
void find_journal(const DatasetFiles& files, ControlWords& words, bool from_start) {
  const std::optional<std::uint64_t> nonce = files.journal.load_nonce();
  if (!nonce) {
    words.journal_end = 0;
    return;
  }
  if (from_start || *nonce != words.journal_nonce || words.journal_end < Journal::header_size) {
    words.journal_end = Journal::header_size;
  }
  words.journal_nonce = *nonce;
}

}  // namespace

DatasetFiles::DatasetFiles(const DatasetDirectory& dataset, bool for_reading, const Limits& limits)
    : directory(dataset.directory),
      marker(dataset.marker),
      layers(dataset.layers),
      read_only(for_reading),
      lock_timeout(limits.lock_timeout),
      control(*directory, read_only),
      journal(*directory, std::min(Journal::default_size_limit, limits.file_size),
              [this] { control.note_failed_sync(); }),
      writers(*directory, read_only),
      values(*directory, limits.open_files) {}

void DatasetFiles::forget_files() noexcept {
  values.forget_files();
  writers.forget_file();
  journal.forget_file();
}

bool needs_recovery(const Control::Header& header, const BootWitness& witness) {
  return header.state != ChangeState::idle || witness.tell(header.boots) != BootWitness::Told::same;
}

void check_before_recovery(DatasetFiles& files, const Control::Header& header, const BootWitness& witness) {
  if (witness.tell(header.boots) == BootWitness::Told::same) return;
  (void)files.writers.count_whole();
  // What the control file counts in was synced before that was written, so it cannot be a torn end.
  if (header.words.journal_end <= Journal::header_size) return;
  ControlWords found = header.words;
  find_journal(files, found, true);
  if (found.journal_end != 0 && found.journal_nonce != header.words.journal_nonce) return;  // begun anew since
  if (found.journal_end != 0) for_each_record(files.journal, found, [](std::string_view) {});
  if (found.journal_end >= header.words.journal_end) return;
  throw CorruptionError(
      "the journal " + quoted(files.directory->path() + "/" + journal_name) + " is damaged or missing from byte " +
      std::to_string(found.journal_end) + " on, of " + std::to_string(header.words.journal_end) +
      ": it had synced batches that power loss may have taken from the values; 'accrete verify --repair' goes on "
      "without these");
}

bool is_behind_journal(const DatasetFiles& files, const Control::Header& header) {
  if (header.state != ChangeState::idle) return false;
  const std::optional<std::uint64_t> nonce = files.journal.load_nonce();
  if (!nonce) return false;
  const bool is_same = *nonce == header.words.journal_nonce;
  const std::uint64_t end = is_same ? std::max(header.words.journal_end, Journal::header_size) : Journal::header_size;
  return files.journal.load(*nonce, end).has_value();
}

Replayed find_replayed(const DatasetFiles& files, ControlWords words) {
  Replayed found;
  find_journal(files, words, true);
  if (words.journal_end == 0) return found;
  for_each_record(files.journal, words, [&](std::string_view payload) {
    const JournalRecord record = decode_journal_payload(payload);
    for (const JournalEntry& entry : record.entries) {
      const std::uint64_t offset = entry.old_size.value_or(0);
      ByteRange& range = found.try_emplace(std::string(entry.key), ByteRange{.offset = offset}).first->second;
      range.size = std::max(range.size, offset + entry.bytes.size() - range.offset);
    }
  });
  return found;
}

ControlWords recover(DatasetFiles& files, const BootWitness& witness) {
  const Control::Header header = files.control.load();
  ControlWords words = header.words;
  files.forget_files();
  check_before_recovery(files, header, witness);
  const BootWitness::Told told = witness.tell(header.boots);
  const bool rebooted = told != BootWitness::Told::same;  // or so it is to be taken
  if (header.state == ChangeState::intent && has_intent(files.control, told)) finish_intent(files, words);
  if (header.state == ChangeState::journal || rebooted) {
    if (rebooted) words.writers = files.writers.count_whole();
    find_journal(files, words, rebooted);
    if (words.journal_end != 0) replay_journal(files, words);
  }
  if (rebooted) {
    if (files.marker.codec) cut_torn_tails(*files.directory, [&] { files.control.note_failed_sync(); });
    for (const std::string& name : empty_directories(*files.directory)) {
      remove_empty_directories_of(*files.directory, name);
    }
    const Stats counted = count_values(*files.directory);
    words.keys = counted.keys;
    words.bytes = counted.bytes;
    words.layered = words.layered || files.layers.is_due(*files.directory);
  }
  words.unsynced = true;
  ++words.commits;
  ++words.removals;
  files.control.set_words(words);
  if (rebooted) files.control.set_boots(witness.next_record(header.boots));
  return words;
}

void sync_values(DatasetFiles& files) {
  const SyncLock lock(files);
  check_no_sync_failed(files);
  try {
    files.directory->sync_file_system();
  } catch (const Error&) {
    files.control.note_failed_sync();
    throw;
  }
}

void check_no_sync_failed(const DatasetFiles& files) {
  if (!files.control.has_failed_sync()) return;
  throw IoError("cannot sync the dataset " + quoted(files.directory->path()) +
                    ": a sync of it has failed before, and what that was to write may not be on the disk; 'accrete "
                    "verify --repair' writes all of it again",
                std::make_error_code(std::errc::io_error));
}

void checkpoint(DatasetFiles& files, ControlWords& words) {
  sync_values(files);
  restart_journal(files, words);
}

void restart_journal(DatasetFiles& files, ControlWords& words) {
  words.journal_nonce = random_u64();
  words.journal_end = files.journal.restart(words.journal_nonce);
  words.unsynced = false;
}

void check_removable(const DatasetFiles& files, std::optional<std::string_view> key) {
  if (!key) return check_values_removable(*files.directory);
  if (files.values.size(*key)) check_value_removable(*files.directory, *key);
}

Stats count_values(const Directory& directory) {
  Stats stats;
  scan_values(directory, [&](ScannedName&& found) {
    if (!found.key) return;
    const std::optional<FileInfo> info = directory.info(found.name);
    if (!info) return;
    ++stats.keys;
    stats.bytes += info->size;
  });
  stats.stored_bytes = stats.bytes;
  return stats;
}

}  // namespace accrete
