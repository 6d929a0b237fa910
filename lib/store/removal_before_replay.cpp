#include "store/removal_before_replay.hpp"

#include <accrete/error.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/record.hpp"
#include "store/buffer_records.hpp"

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
    make_room(end_ + record.size());
    try {
      file_->write_at(end_, record);
      if (header_.synced) sync();
    } catch (...) {
      take_back();
      throw;
    }
    end_ += record.size();
  }

 private:
  /// Its buffer has kept some.
  void make_room(std::uint64_t end) {
    const std::uint64_t size = file_->size();
    if (end <= size) return;
    file_->truncate(in_whole_units(end));
    file_->allocate({.offset = size, .size = in_whole_units(end) - size});
  }

  void sync() {
    check_no_sync_failed(parts_);
    try {
      file_->sync();
    } catch (const Error&) {
      parts_.control.note_failed_sync();
      throw;
    }
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
      if (payload.step->kind == BufferStep::Kind::done || payload.step->kind == BufferStep::Kind::not_done) return;
      found.begun.emplace(FoundSteps::Begun{.kind = payload.step->kind, .key = std::string(payload.step->key)});
    } catch (const CorruptionError&) {
      is_sound = false;
    }
  });
  if (!is_sound || !records.damage().empty()) return std::nullopt;
  return found;
}

bool is_removed(const FilesParts& parts, const BufferStep& removal) {
  if (removal.kind == BufferStep::Kind::drop) return parts.control.load().words.keys == 0;
  return !parts.values.size(removal.key);
}

/// What was begun is completed by a replay, as the writer of the values completes its own changes.
void remove(FilesParts& parts, FilesWriter& writer, ControlWords& words, const BufferStep& removal,
            LeftJournal& journal) {
  try {
    removal.kind == BufferStep::Kind::drop ? writer.drop(words) : writer.erase(words, removal.key);
  } catch (const Error&) {
    const bool is_over = parts.control.load().state == ChangeState::idle;
    if (is_over && !is_removed(parts, removal)) {
      journal.append({.kind = BufferStep::Kind::not_done, .number = removal.number});
    }
    throw;
  }
  // The journal may be all that holds what was removed.
  if (parts.control.load().words.unsynced && journal.is_synced()) sync_values(parts);
  journal.append({.kind = BufferStep::Kind::done, .number = removal.number});
}

}  // namespace

bool try_remove_before_replay(FilesParts& parts, FilesWriter& writer, ControlWords& words, const BufferStep& removal) {
  BufferRecords records(*parts.directory);
  const std::optional<FoundSteps> found = find_steps(records);
  if (!found) return false;
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
