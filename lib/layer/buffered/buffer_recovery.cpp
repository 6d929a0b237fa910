#include "layer/buffered/buffer_recovery.hpp"

#include <accrete/error.hpp>

#include "base/escape.hpp"
#include "dataset/names.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "layer/buffered/buffer_records.hpp"
#include "layer/buffered/buffer_replay.hpp"
#include "layer/buffered/removal_before_replay.hpp"

namespace accrete {
namespace {

void set_aside(Directory& directory) {
  for (std::size_t i = 0; i < buffer_journal_names.size(); ++i) {
    if (directory.info(buffer_journal_names[i])) directory.rename(buffer_journal_names[i], damaged_buffer_names[i]);
  }
}

/// What an earlier repair has set aside is not to be written over.
void check_room_to_set_aside(const Directory& directory) {
  for (std::size_t i = 0; i < buffer_journal_names.size(); ++i) {
    const char* const name = damaged_buffer_names[i];
    if (!directory.info(buffer_journal_names[i]) || !directory.info(name)) continue;
    throw ExistsError("the buffer's journal in " + quoted(directory.path()) + " does not fit the values, and " +
                      quoted(name) + ", which an earlier repair has set aside, is still there: move it away");
  }
}

std::string joined(const std::vector<std::string>& sentences) {
  std::string all;
  for (const std::string& sentence : sentences) all += (all.empty() ? "" : "; ") + sentence;
  return all;
}

/// Throws if they are to be refused, or cannot be set aside.
void consider(const Directory& directory, const std::vector<std::string>& problems, Misfit misfit) {
  if (problems.empty()) return;
  if (misfit == Misfit::set_aside) return check_room_to_set_aside(directory);
  throw CorruptionError("the buffer's journal in " + quoted(directory.path()) +
                        " is damaged, or does not fit the values: " + joined(problems) +
                        "; copy the dataset, then run 'accrete verify --repair', which hands down what is whole "
                        "and fits");
}

std::string describe_not_handed_down(const BufferReplay::NotHandedDown& left) {
  const auto counted = [](std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
  };
  const std::string whole = left.entries == 0 ? ""
                                              : counted(left.entries, "whole append", "whole appends") + " to " +
                                                    counted(left.keys, "key", "keys") + ", of " +
                                                    counted(left.bytes, "byte", "bytes") + ", and ";
  return "not all that the buffer's journal held was handed down: it lacks " + whole +
         "whatever stood where the journal is damaged; look for it in " + damaged_buffer_names[0] + " and " +
         damaged_buffer_names[1] + ", where the journal is kept";
}

class BufferRecovery final : public LayerRecovery {
 public:
  std::string_view what() const noexcept override { return "a buffer died, and may have left appends in its journal"; }

  std::string files() const override { return std::string(buffer_journal_names[0]) + ", " + buffer_journal_names[1]; }

  bool is_due(Directory& directory) const override { return has_open_buffer_journal(directory); }

  std::vector<std::string> check(OwnedDataset& dataset) const override {
    std::vector<std::string> problems = problems_of(dataset);
    for (std::string& problem : problems) problem.insert(0, "the buffer's journal: ");
    return problems;
  }

  Report recover(OwnedDataset& dataset, Misfit misfit) const override {
    try {
      return replay(dataset, misfit);
    } catch (const DiskFullError& error) {
      throw DiskFullError(
          std::string(error.what()) +
              "; a buffer or a server that was killed has left appends in its journal, and they must be "
              "handed down first: make room, be it by removing keys (accrete rm)",
          error.code());
    }
  }

  void remove_files(Directory& directory) const override { remove_buffer_journal(directory); }

  bool try_remove(OwnedDataset& dataset, std::optional<std::string_view> key) const override {
    return try_remove_before_replay(dataset, key);
  }

 private:
  static std::vector<std::string> problems_of(OwnedDataset& dataset) {
    BufferRecords records(dataset.directory());
    return records.is_closed() ? std::vector<std::string>{} : check_buffer_journal(dataset, records);
  }

  static Report replay(OwnedDataset& dataset, Misfit misfit) {
    Directory& directory = dataset.directory();
    BufferRecords records(directory);
    Report report;
    if (!records.is_closed()) {
      const std::vector<std::string> problems = problems_of(dataset);
      consider(directory, problems, misfit);
      const BufferReplay done = replay_buffer_journal(dataset, records, misfit);
      report.misfits = done.misfits.empty() ? problems : done.misfits;
      consider(directory, report.misfits, misfit);  // a value may have been harmed meanwhile
      if (!report.misfits.empty()) report.not_recovered = describe_not_handed_down(done.not_handed_down);
    }
    if (report.misfits.empty()) close_buffer_journal(directory, [&] { dataset.note_failed_sync(); });
    if (!report.misfits.empty()) set_aside(directory);
    for (std::string& found : report.misfits) found.insert(0, "the buffer's journal: ");
    return report;
  }
};

}  // namespace

const LayerRecovery& buffer_recovery() noexcept {
  static const BufferRecovery recovery;
  return recovery;
}

}  // namespace accrete
