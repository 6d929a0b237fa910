// A dataset of files under a lock that its caller holds: for what must be handed down before the lock is of use.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/dataset.hpp"
#include "dataset/layer_recovery.hpp"
#include "layout/files/dataset_files.hpp"
#include "layout/files/files_writer.hpp"
#include "layout/files/value_snapshot.hpp"

namespace accrete {

/// For one thread. Borrows all that it is given; `words` are those of the control file, of a dataset that needs no
/// recovery, and are brought up to date. Without a writer it can only be read, under a lock that is shared.
class RecoveringFiles final : public OwnedDataset {
 public:
  RecoveringFiles(DatasetFiles& files, FilesWriter* writer, const BootWitness& witness, ControlWords& words)
      : files_(files), writer_(writer), witness_(witness), words_(words) {}

  [[nodiscard]] const Marker& marker() const noexcept override { return files_.marker; }
  [[nodiscard]] Directory& directory() noexcept override { return *files_.directory; }
  void end_unfinished_change() override;
  [[nodiscard]] std::optional<std::uint64_t> stored_size(std::string_view key) const override { return size(key); }
  [[nodiscard]] std::vector<BatchId> session_sequences() const override {
    return files_.writers.sessions(words_.writers);
  }
  [[nodiscard]] std::uint64_t forgotten_writers() const override { return files_.writers.forgotten(); }
  [[nodiscard]] std::uint64_t session_secret() override { return files_.writers.secret(); }
  void forget_writer(const BatchId& last) override { writer().forget_writer(words_, last); }
  void check_removable(std::optional<std::string_view> key) const override { accrete::check_removable(files_, key); }
  void set_layered(bool layered) override { writer().set_layered(words_, layered); }
  void note_failed_sync() noexcept override { files_.control.note_failed_sync(); }
  [[nodiscard]] bool has_failed_sync() const override { return files_.control.has_failed_sync(); }
  void check_no_sync_failed() const override { accrete::check_no_sync_failed(files_); }

 private:
  void with_shared_lock(const std::function<void(Directory&)>& read) const override { read(*files_.directory); }
  void with_exclusive_lock(const std::function<void(Directory&)>& change) override { change(*files_.directory); }
  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    (void)writer().append(words_, entries, options);
  }
  [[nodiscard]] std::string do_get(std::string_view key) const override;
  [[nodiscard]] std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override;
  [[nodiscard]] std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override;
  [[nodiscard]] std::size_t do_get_range_into(std::string_view key, std::uint64_t offset,
                                              std::span<char> to) const override;
  [[nodiscard]] std::optional<std::uint64_t> do_size(std::string_view key) const override {
    return files_.values.size(key);
  }
  [[nodiscard]] std::vector<KeySize> do_list(const ListOptions& options) const override {
    return list_values(*files_.directory, options);
  }
  [[nodiscard]] std::uint64_t do_removals() const override { return words_.removals; }
  [[nodiscard]] Stats do_stats() const override {
    return {.keys = words_.keys, .bytes = words_.bytes, .stored_bytes = words_.bytes};
  }
  [[nodiscard]] std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override;
  void do_erase(std::string_view key) override { writer().erase(words_, key); }
  void do_flush() override {}
  /// Starts no journal anew: on a full disk there may be no room for that.
  void do_sync() override { sync_values(files_); }
  void do_drop() override { writer().drop(words_); }

  [[nodiscard]] FilesWriter& writer();
  [[nodiscard]] ValueSnapshot snapshot(std::string_view key) const;

  DatasetFiles& files_;
  FilesWriter* const writer_;
  const BootWitness& witness_;
  ControlWords& words_;
  /// The value that was read last, as long as nothing has changed: most are read in several steps.
  struct Open {
    std::string key{};
    ValueSnapshot value{};
  };
  mutable Open open_;
};

/// Hands down what a layer that died has left, and has the dataset forget that there was something. Needs the lock
/// exclusively, and a dataset that needs no recovery; brings `words` up to date. As LayerRecovery::recover.
LayerRecovery::Report recover_layers(DatasetFiles& files, FilesWriter& writer, const BootWitness& witness,
                                     ControlWords& words, Misfit misfit);

/// As LayerRecovery::check. Needs the lock shared.
[[nodiscard]] std::vector<std::string> check_layers(DatasetFiles& files, const BootWitness& witness);

}  // namespace accrete
