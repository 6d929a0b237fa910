#include "layer/buffered/removal_before_replay.hpp"

#include <accrete/error.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/record.hpp"
#include "dataset/sync_or_note.hpp"
#include "layer/buffered/buffer_records.hpp"

namespace accrete {
namespace {

/// Writes after the last record of a journal whose buffer is dead.
class LeftJournal {
 public:
  LeftJournal(OwnedDataset& dataset, const BufferSegment& newest)
      : dataset_(dataset),
        header_(newest.header()),
        file_(dataset.directory().open(newest.name(), OpenMode::write)),
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
      if (header_.synced) sync_or_note(*file_, [this] { dataset_.note_failed_sync(); });
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

  OwnedDataset& dataset_;
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

bool is_removed(const Store& dataset, const BufferStep& removal) {
  if (removal.kind == BufferStep::Kind::drop) return dataset.list({.limit = 1}).empty();
  return !dataset.size(removal.key);
}

/// Where it cannot be said, a replay does it again.
void say_not_done(LeftJournal& journal, std::uint64_t number) noexcept {
  try {
    journal.append({.kind = BufferStep::Kind::not_done, .number = number});
  } catch (const std::exception&) {
    // What made the removal fail is what is told.
  }
}

/// What was begun is completed by a replay, as the dataset completes its own changes.
void remove(OwnedDataset& dataset, const BufferStep& removal, LeftJournal& journal) {
  try {
    removal.kind == BufferStep::Kind::drop ? dataset.drop() : dataset.erase(removal.key);
  } catch (const Error&) {
    dataset.end_unfinished_change();
    if (!is_removed(dataset, removal)) {
      say_not_done(journal, removal.number);
      throw;
    }
  }
  // The journal may be all that holds what was removed.
  if (journal.is_synced()) dataset.sync();
  journal.append({.kind = BufferStep::Kind::done, .number = removal.number});
}

}  // namespace

bool try_remove_before_replay(OwnedDataset& dataset, std::optional<std::string_view> key) {
  BufferRecords records(dataset.directory());
  const std::optional<FoundSteps> found = find_steps(records);
  if (!found) return false;
  dataset.check_removable(key);
  if (records.is_synced()) dataset.check_no_sync_failed();
  records.sync([&] { dataset.note_failed_sync(); });  // what its buffer was killed before it could
  LeftJournal journal(dataset, records.newest());
  if (found->begun) {
    remove(dataset, {.kind = found->begun->kind, .number = found->last, .key = found->begun->key}, journal);
  }
  const BufferStep removal{.kind = key ? BufferStep::Kind::erase : BufferStep::Kind::drop,
                           .number = found->last + 1,
                           .key = key.value_or(std::string_view())};
  journal.append(removal);
  remove(dataset, removal, journal);
  return true;
}

}  // namespace accrete
