// The files of an open dataset of the files layout, and the recovery of what a writer left half done.
#pragma once

#include <accrete/accrete.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dataset/boot_witness.hpp"
#include "dataset/layout.hpp"
#include "dataset/names.hpp"
#include "layout/files/control.hpp"
#include "layout/files/intent.hpp"
#include "layout/files/journal.hpp"
#include "layout/files/value_files.hpp"
#include "layout/files/writers.hpp"
#include "os/dataset_lock.hpp"
#include "os/env.hpp"

namespace accrete {

struct DatasetFiles {
  struct Limits {
    std::size_t open_files = 1;
    std::uint64_t file_size = 0;  ///< of this process (RLIMIT_FSIZE)
    std::chrono::milliseconds lock_timeout = OpenOptions{}.lock_timeout;
  };

  DatasetFiles(const DatasetDirectory& dataset, bool for_reading, const Limits& limits);

  /// Others may have put files in the place of those that are open here, or removed them.
  void forget_files() noexcept;

  std::shared_ptr<Directory> directory;
  const Marker marker;
  const LayerRecovery& layers;
  bool read_only;
  const std::chrono::milliseconds lock_timeout;
  Control control;
  Journal journal;
  Writers writers;
  ValueFiles values;
};

/// True if a writer died in a change, or if power may have been lost since the last one.
[[nodiscard]] bool needs_recovery(const Control::Header& header, const BootWitness& witness);

/// Throws CorruptionError if a journal or a table of writers is damaged that `recover` needs. Changes nothing.
void check_before_recovery(DatasetFiles& files, const Control::Header& header, const BootWitness& witness);

/// True if the journal holds what the control file does not know of, though no writer died in it: the disk has lost
/// writes while the system went on, as one does that is unplugged.
[[nodiscard]] bool is_behind_journal(const DatasetFiles& files, const Control::Header& header);

/// By key, the stretch of its value that the journal will write once more after a power loss: all before it was synced.
using Replayed = std::map<std::string, ByteRange, std::less<>>;
[[nodiscard]] Replayed find_replayed(const DatasetFiles& files, ControlWords words);

/// Rolls back (an append) or forward (an erase, a drop, a batch that is whole in the journal) what stands in the
/// control file, and unless it is positively the same boot replays the journal, cuts off what the power loss has torn
/// of compressed values, removes directories whose keys it has taken, and counts anew. Needs the lock exclusively. Can
/// be interrupted and called again. Returns the words it has committed.
ControlWords recover(DatasetFiles& files, const BootWitness& witness);

/// Syncs of the file system come one after the other, those of other processes, too: the kernel tells of what it could
/// not write once, and whoever syncs next must find it noted. Who has this lock takes no other.
class SyncLock {
 public:
  explicit SyncLock(const DatasetFiles& files)
      : lock_(files.directory->lock(control_name)), guard_(lock_->exclusive(files.lock_timeout)) {}

 private:
  std::shared_ptr<DatasetLock> lock_;
  DatasetLock::Guard guard_;
};

/// Makes all values survive power loss, and notes it for all who sync afterwards if that fails. For who has no lock,
/// too. Throws if it has failed before.
void sync_values(DatasetFiles& files);

/// Throws if a sync has failed. What it was to write may be gone although a later sync returns, since the kernel tells
/// of it once: no sync counts until a repair has written everything again.
void check_no_sync_failed(const DatasetFiles& files);

/// For when all values have just been synced: empties the journal; the caller commits `words`.
void restart_journal(DatasetFiles& files, ControlWords& words);

/// Makes all values survive power loss and the journal empty; the caller commits `words`.
void checkpoint(DatasetFiles& files, ControlWords& words);

/// Throws IoError if a key's value, or of no key any, is sure not to be removable. Needs the lock shared.
void check_removable(const DatasetFiles& files, std::optional<std::string_view> key);

/// Counts values and their bytes.
[[nodiscard]] Stats count_values(const Directory& directory);

}  // namespace accrete
