// Changes to an open dataset of the files layout: each is whole or not at all, whenever its process is killed.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "layout/files/batch_plan.hpp"
#include "layout/files/dataset_files.hpp"
#include "layout/files/intent.hpp"

namespace accrete {

/// All of its functions need the dataset's lock exclusively. `words` are those of the control file, of a dataset that
/// needs no recovery; they are brought up to date. A function that throws has changed nothing, or has left what the
/// next recovery needs to complete it or to take it back.
class FilesWriter {
 public:
  /// `file_size_limit`: of this process (RLIMIT_FSIZE).
  FilesWriter(DatasetFiles& files, const BootWitness& witness, std::uint64_t file_size_limit)
      : files_(files), witness_(witness), file_size_limit_(file_size_limit) {}

  /// False if a batch with this id has been applied before.
  bool append(ControlWords& words, std::span<const Entry> entries, const AppendOptions& options);

  /// Does nothing for a missing key.
  void erase(ControlWords& words, std::string_view key);

  void drop(ControlWords& words);

  /// For when the file system has just been synced: starts the journal anew, unless an earlier sync has failed.
  void renew_journal(ControlWords& words);

  /// No batch of this writer will come again. Does nothing if the writer has gone on since, after `last`.
  void forget_writer(ControlWords& words, const BatchId& last);

  void set_layered(ControlWords& words, bool layered);

 private:
  enum class SyncAll { no, yes };

  void append_under_intent(ControlWords& words, const ControlWords& old_words, const std::optional<BatchId>& id,
                           const std::optional<WriterUpdate>& writer, SyncAll sync);
  void sync_commit(const ControlWords& words, const ControlWords& old_words);
  void append_through_journal(ControlWords& words, const ControlWords& old_words, const std::optional<BatchId>& id,
                              const std::optional<WriterUpdate>& writer);
  [[nodiscard]] bool try_take_back_journaled(std::uint64_t nonce, std::uint64_t offset,
                                             std::uint64_t old_writers) noexcept;
  template <typename Change>
  void change(Change apply);
  void recover_now();
  void append_groups(ControlWords& words);
  void commit(ControlWords& words);
  void set_intent(const std::optional<WriterUpdate>& writer);
  void add_totals(ControlWords& words);
  std::string journal_payload(const std::optional<BatchId>& id);
  [[nodiscard]] bool fits_journal();
  void check_file_size_limit();
  void empty_journal(ControlWords& words);

  DatasetFiles& files_;
  const BootWitness& witness_;
  const std::uint64_t file_size_limit_;
  // Kept for their memory:
  BatchPlan plan_;
  Intent intent_;
  std::string record_;
};

}  // namespace accrete
