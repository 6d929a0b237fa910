#include "layout/files/removal_before_replay.hpp"

#include <accrete/error.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/record.hpp"
#include "dataset/sync_or_note.hpp"
#include "layout/files/buffer_records.hpp"
#include "layout/files/value_files.hpp"

namespace accrete {
namespace {

/// Writes behind the last record of a journal whose buffer is dead.
class LeftJournal {
 public:
  LeftJournal(FilesParts& parts, const BufferSegment& newest)
      : parts_(parts),
        header_(newest.header()),
        file_(parts.directory->open(newest.name(), OpenMode::write)),
        end_(newest.offset()) {}

  [[nodiscard]] bool is_synced() const noexcept { return header_.synced; }

  /// When it throws, nothing was written.
  void append(const BufferStep& step) {
    std::string record;
    encode_buffer_step(step, record);
    seal_record(record, header_.nonce, end_, header_.synced ? end_ : 0);
    if (!is_outcome(step)) make_room(record.size() + buffer_outcome_size);
    try {
      file_->write_at(end_, record);
      if (header_.synced) sync_or_note(*file_, [this] { parts_.control.note_failed_sync(); });
    } catch (...) {
      take_back();
      throw;
    }
    end_ += record.size();
  }

 private:
  /// Its buffer has kept some.
  void make_room(std::uint64_t size) {
    const std::uint64_t end = end_ + size;
    if (end > file_->size()) file_->truncate(in_whole_units(end));
    file_->allocate({.offset = end_, .size = size});
  }

  void take_back() noexcept {
    try {
      file_->write_at(end_, std::string(record_header_size, '\0'));
    } catch (const std::exception&) {
      // What could not be written over could not be written either, as a rule.
    }
  }

  FilesParts& parts_;
  const BufferSegmentHeader header_;
  const std::unique_ptr<File> file_;
  std::uint64_t end_;
};

/// Steps that stand in a journal.
struct FoundSteps {
  struct Begun {
    BufferStep::Kind kind;
    std::string key;
  };
  std::uint64_t last = 0;  // number; they begin with 1
  std::optional<Begun> begun{};
};

/// nullopt if something in it is damaged.
std::optional<FoundSteps> find_steps(BufferRecords& records) {
  FoundSteps found;
  bool is_sound = !records.is_closed();
  records.for_each([&](BufferRecords::Record&& record) {
    try {
      const BufferPayload payload = decode_buffer_payload(record.payload);
      if (!payload.step) return;
      found.last = payload.step->number;
      found.begun.reset();
      if (is_outcome(*payload.step)) return;
      found.begun.emplace(FoundSteps::Begun{.kind = payload.step->kind, .key = std::string(payload.step->key)});
    } catch (const CorruptionError&) {
      is_sound = false;
    }
  });
  if (!is_sound || !records.damage().empty()) return std::nullopt;
  return found;
}

/// Throws what would stop it half-way.
void check_removable(const FilesParts& parts, const BufferStep& removal) {
  if (removal.kind == BufferStep::Kind::drop) return check_values_removable(*parts.directory);
  if (parts.values.size(removal.key)) check_value_removable(*parts.directory, removal.key);
}

bool is_removed(const FilesParts& parts, const BufferStep& removal) {
  if (removal.kind == BufferStep::Kind::drop) return parts.control.load().words.keys == 0;
  return !parts.values.size(removal.key);
}

/// Where it cannot be said, a replay does it again.
void say_not_done(LeftJournal& journal, std::uint64_t number) noexcept {
  try {
    journal.append({.kind = BufferStep::Kind::not_done, .number = number});
  } catch (const std::exception&) {
    // What made the removal fail is what is told.
  }
}

/// What was begun is completed by a replay, as the writer of the values completes its own changes.
void remove(FilesParts& parts, FilesWriter& writer, ControlWords& words, const BufferStep& removal,
            LeftJournal& journal) {
  try {
    removal.kind == BufferStep::Kind::drop ? writer.drop(words) : writer.erase(words, removal.key);
  } catch (const Error&) {
    if (parts.control.load().state != ChangeState::idle) throw;
    words = parts.control.load().words;
    if (!is_removed(parts, removal)) {
      say_not_done(journal, removal.number);
      throw;
    }
  }
  // The journal may be all that holds what was removed.
  if (journal.is_synced()) sync_values(parts);
  journal.append({.kind = BufferStep::Kind::done, .number = removal.number});
}

}  // namespace

bool try_remove_before_replay(FilesParts& parts, FilesWriter& writer, ControlWords& words, const BufferStep& removal) {
  BufferRecords records(*parts.directory);
  const std::optional<FoundSteps> found = find_steps(records);
  if (!found) return false;
  check_removable(parts, removal);
  if (records.is_synced()) check_no_sync_failed(parts);
  records.sync([&] { parts.control.note_failed_sync(); });  // what its buffer was killed before it could
  LeftJournal journal(parts, records.newest());
  if (found->begun) {
    remove(parts, writer, words, {.kind = found->begun->kind, .number = found->last, .key = found->begun->key},
           journal);
  }
  BufferStep next = removal;
  next.number = found->last + 1;
  journal.append(next);
  remove(parts, writer, words, next, journal);
  return true;
}

}  // namespace accrete
