#include "layout/files/unfinished_change.hpp"

#include <accrete/error.hpp>
#include <algorithm>

namespace accrete {

UnfinishedChange UnfinishedChange::load(const DatasetFiles& files, const Control::Header& header, bool same_boot) {
  UnfinishedChange change;
  try {
    if (header.state == ChangeState::intent) change.load_intent(files);
  } catch (const CorruptionError&) {
    if (same_boot) throw;
  }
  if (header.state == ChangeState::journal) change.load_journal(files, header.words);
  return change;
}

void UnfinishedChange::load_intent(const DatasetFiles& files) {
  const std::string record = files.control.load_intent();
  const Intent intent = decode_intent(record);
  drops_all_ = intent.kind == Intent::Kind::drop;
  if (intent.kind != Intent::Kind::append) return;
  writer_ = intent.writer;
  for (const IntentTarget& target : intent.targets) set_before(target.key, target.old_size);
}

/// Values are appended to only once the record is whole.
void UnfinishedChange::load_journal(const DatasetFiles& files, const ControlWords& words) {
  const std::optional<std::uint64_t> nonce = files.journal.load_nonce();
  if (!nonce) return;
  const bool was_restarted = *nonce != words.journal_nonce || words.journal_end < Journal::header_size;
  const auto payload = files.journal.load(*nonce, was_restarted ? Journal::header_size : words.journal_end);
  if (!payload) return;
  const JournalRecord record = decode_journal_payload(*payload);
  for (const JournalEntry& entry : record.entries) set_before(entry.key, entry.old_size);
}

std::optional<std::uint64_t> UnfinishedChange::visible_sequence(std::uint64_t slot, std::uint64_t sequence) const {
  if (!writer_ || writer_->slot != slot) return sequence;
  return writer_->old_sequence ? std::optional(std::min(sequence, *writer_->old_sequence)) : std::nullopt;
}

void UnfinishedChange::set_before(std::string_view key, std::optional<std::uint64_t> size) {
  before_.emplace(key, size);
}

std::optional<std::uint64_t> UnfinishedChange::visible_size(std::string_view key, std::uint64_t size) const {
  if (drops_all_) return std::nullopt;
  const auto found = before_.find(key);
  if (found == before_.end()) return size;
  return found->second ? std::optional(std::min(*found->second, size)) : std::nullopt;
}

}  // namespace accrete
