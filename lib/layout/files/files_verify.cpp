#include "layout/files/files_verify.hpp"

#include <algorithm>
#include <utility>

#include "base/escape.hpp"
#include "dataset/attribute_file.hpp"
#include "dataset/directory.hpp"
#include "dataset/layout.hpp"
#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "layout/files/check_frames.hpp"
#include "layout/files/dataset_files.hpp"
#include "layout/files/files_writer.hpp"
#include "layout/files/linked_files.hpp"
#include "layout/files/recovering_files.hpp"
#include "layout/files/write_again.hpp"

namespace accrete {
namespace {

class Verifier {
 public:
  Verifier(Env& env, std::shared_ptr<Directory> directory, const LayerRecovery& layers, bool repair)
      : env_(env), witness_(env), repair_(repair), directory_(std::move(directory)), layers_(layers) {}

  VerifyReport run() {
    refuse_unreachable_locks(*directory_);
    refuse_case_folding(*directory_);
    check_marker();
    if (is_linked_copy(*directory_) && !separate_copy()) return std::move(report_);
    check_names();
    if (!check_lock()) return std::move(report_);
    DatasetLock::Guard guard =
        repair_ ? lock_->exclusive(OpenOptions{}.lock_timeout) : lock_->shared(OpenOptions{}.lock_timeout);
    report_.counted = count_values(*directory_);
    check_shared_files();
    check_control();
    verify_attributes(*directory_, repair_, report_);
    if (!is_unfinished_) check_empty_directories();
    // It may have shared a journal with records of what was never appended here, and totals of other values.
    if (was_copy_) checkpoint_and_count();
    if (marker_ && marker_->codec) check_values();
    return std::move(report_);
  }

 private:
  void problem(std::string sentence) { report_.problems.push_back(std::move(sentence)); }
  void repaired(std::string sentence) { report_.repairs.push_back(std::move(sentence)); }

  void check_marker() {
    try {
      marker_ = load_marker(*directory_);
    } catch (const CorruptionError& error) {
      problem(error.what());
    }
  }

  /// False if it is left as it is.
  bool separate_copy() {
    const std::string found = describe_linked_copy(*directory_);
    if (!repair_) {
      problem(found);
      return false;
    }
    const std::shared_ptr<DatasetLock> lock = directory_->lock(lock_name);
    const DatasetLock::Guard guard = lock->exclusive(OpenOptions{}.lock_timeout);
    separate_linked_copy(*directory_, marker_);
    was_copy_ = true;
    repaired(found + ": done. It takes batches for applied whose ids the original knows");
    return true;
  }

  /// The control file that a copy by hard links has of its original says that this was destroyed.
  void revive_copy(DatasetFiles& files, ControlWords words) {
    const std::string found = "the dataset that it was copied from has been destroyed";
    if (!repair_) {
      problem(found + "; 'accrete verify --repair' makes it a dataset of its own");
      return;
    }
    words.destroyed = false;
    files.control.set_home(directory_->info("")->inode);
    count_anew(files, words);
    was_copy_ = true;
    repaired(found + ": made it a dataset of its own");
  }

  /// What a writer that died has left of a batch may be no frame, so values are judged only once that is mended.
  void check_values() {
    // The journal says where its batches stood in the values as they were, and other processes have their files open.
    if (repair_) checkpoint_and_count();
    FrameCheck check =
        replayed_ ? check_frames_before_recovery(*directory_, *replayed_) : check_frames(*directory_, repair_);
    if (!check.repairs.empty()) {
      report_.counted = count_values(*directory_);
      checkpoint_and_count();
    }
    report_.counted.bytes = check.decoded_bytes;
    if (is_unfinished_ && !replayed_) return;
    for (std::string& sentence : check.problems) problem(std::move(sentence));
    for (std::string& sentence : check.repairs) repaired(std::move(sentence));
  }

  void checkpoint_and_count() {
    DatasetFiles files = open_parts(false);
    ControlWords words = files.control.load().words;
    checkpoint(files, words);
    count_anew(files, words);
  }

  /// Has others open the values' files anew.
  void count_anew(DatasetFiles& files, ControlWords& words) const {
    words.keys = report_.counted.keys;
    words.bytes = report_.counted.stored_bytes;
    ++words.commits;
    ++words.removals;
    files.control.set_words(words);
  }

  [[nodiscard]] DatasetFiles open_parts(bool for_reading) const {
    return {{.directory = directory_, .marker = marker_.value_or(Marker{}), .layers = layers_},
            for_reading,
            {.file_size = env_.file_size_limit()}};
  }

  void check_names() {
    scan_values(*directory_, [&](const ScannedName& found) {
      if (found.key) return;
      const bool regular = found.type == FileType::regular;
      problem(quoted(found.name) + " is " +
              (regular                             ? "not the name of a key's file"
               : found.type == FileType::symlink   ? "a symbolic link, which is never followed"
               : found.type == FileType::directory ? "a directory, which no key has"
                                                   : "a special file") +
              ": it is not part of the dataset; move it away");
    });
    for (const std::string& name : foreign_dot_names(*directory_)) {
      problem(quoted(name) + " is not part of the dataset; move it away");
    }
  }

  void check_empty_directories() {
    for (const std::string& name : empty_directories(*directory_)) {
      const std::string found = quoted(name) + " is an empty directory, left over from a long key";
      if (!repair_) {
        problem(found + "; 'accrete verify --repair' removes it");
        continue;
      }
      remove_empty_directories_of(*directory_, name);
      repaired(found + ": removed it");
    }
  }

  bool check_lock() {
    if (!directory_->info(lock_name)) {
      if (!repair_) {
        problem("the lock file " + std::string(lock_name) + " is missing; 'accrete verify --repair' makes it anew");
        return false;
      }
      directory_->open(lock_name, OpenMode::create)->sync();
      repaired("made the missing lock file anew");
    }
    try {
      lock_ = directory_->lock(lock_name);
      return true;
    } catch (const CorruptionError& error) {
      problem(error.what());
      return false;
    }
  }

  /// Before anything is written to them.
  void check_shared_files() {
    const std::vector<std::string> shared = shared_own_names(*directory_);
    if (repair_ && !shared.empty()) separate_files();
    // The original of a copy by hard links goes on: that copy is refused.
    if (!repair_ && is_shared(*directory_, control_name)) return;
    for (const std::string& name : shared) {
      const std::string found =
          name + " has more than one name, as in a copy by hard links, and may be another dataset's";
      if (repair_) repaired(found + ": put a copy in its place");
      if (!repair_) {
        problem(found + "; who writes to it puts a copy in its place before, and 'accrete verify --repair' does");
      }
    }
  }

  void separate_files() {
    try {
      Control control(*directory_, false);
      Control::Header header = control.load();
      refuse_living_owner(*directory_, header.owner);
      separate_own_files(*directory_, control, header);
    } catch (const CorruptionError&) {
      // Nobody goes on with files of a dataset whose control file is damaged.
      for (const std::string& name : shared_own_names(*directory_)) replace_by_copy(*directory_, name);
    }
  }

  void check_control() {
    try {
      DatasetFiles files = open_parts(!repair_);
      check_change(files);
      check_failed_sync(files);
      check_writers(files);
      check_left_layers(files);
      check_totals(files);
    } catch (const CorruptionError& error) {
      if (!repair_) {
        is_unfinished_ = true;
        problem(error.what());
        return;
      }
      renew_control(error.what());
    }
  }

  void check_change(DatasetFiles& files) {
    const Control::Header header = files.control.load();
    if (header.words.destroyed && header.home != directory_->info("")->inode) return revive_copy(files, header.words);
    if (header.words.destroyed) {
      problem("its destroy was interrupted; run 'accrete destroy' again to finish it");
      return;
    }
    refuse_living_owner(*directory_, header.owner);
    if (repair_) free_damaged_slots(files);
    const bool is_behind = is_behind_journal(files, header);
    if (!is_behind && !needs_recovery(header, witness_)) return;
    const std::string found =
        is_behind ? "the disk has lost writes while the system went on: the journal is replayed, and the values counted"
                  : describe_change(files, header);
    if (repair_ && is_behind) files.control.set_boots({});
    if (repair_) {
      (void)recover(files, witness_);
      if (!was_copy_) repaired(found);  // the control file of a copy was made anew, of no boot
      return;
    }
    is_unfinished_ = true;
    check_before_recovery(files, header, witness_);
    if (is_behind || header.state != ChangeState::idle) {
      problem(found + "; the next program that opens the dataset mends it, or 'accrete verify --repair'");
    } else {
      replayed_ = find_replayed(files, header.words);
      check_replayable(files);
    }
  }

  void check_replayable(const DatasetFiles& files) {
    for (const auto& [key, range] : *replayed_) {
      try {
        check_replayed_size(key, files.values.size(key).value_or(0), range.offset);
      } catch (const CorruptionError& error) {
        problem(error.what());
      }
    }
  }

  std::string describe_change(const DatasetFiles& files, const Control::Header& header) {
    if (header.state == ChangeState::journal) {
      return "a writer died in a synced batch: it is rolled forward if it is whole in the journal, else back";
    }
    if (header.state == ChangeState::idle || witness_.tell(header.boots) == BootWitness::Told::other_boot) {
      return "the system may have been started anew since: the journal is replayed, and the values counted";
    }
    const std::string record = files.control.load_intent();
    const Intent intent = decode_intent(record);
    switch (intent.kind) {
      case Intent::Kind::erase:
        return "a writer died in erasing the key " + quoted(intent.targets[0].key) + ": that is completed";
      case Intent::Kind::drop:
        return "a writer died in dropping all keys: that is completed";
      case Intent::Kind::append:
        break;
    }
    const std::size_t keys = intent.targets.size();
    return "a writer died in a batch over " + std::to_string(keys) + (keys == 1 ? " key" : " keys") +
           (keys > 0 ? " (" + quoted(intent.targets[0].key) + (keys > 1 ? ", …)" : ")") : "") + ": it is rolled back";
  }

  void check_failed_sync(DatasetFiles& files) {
    if (!files.control.has_failed_sync()) return;
    const std::string found = "a sync of the dataset has failed, and what it was to write may not be on the disk";
    if (!repair_) {
      problem(found + ": until 'accrete verify --repair' has written all files again, no sync of it counts");
      return;
    }
    write_again(files);
    repaired(found +
             ": all files were written again and synced. Bytes that the system had given up before cannot be told from "
             "others; compare what was appended since the last sync that returned");
  }

  void write_again(DatasetFiles& files) {
    const SyncLock lock(files);  // nobody notes a failure amid this
    write_all_again(*directory_);
    ControlWords words = files.control.load().words;
    restart_journal(files, words);
    ++words.commits;
    ++words.removals;
    files.control.set_words(words);
    files.control.sync();
    files.control.forget_failed_sync();
  }

  void check_left_layers(DatasetFiles& files) {
    const Control::Header header = files.control.load();
    if (!header.words.layered && !layers_.is_due(*directory_)) return;
    const std::string found(layers_.what());
    const bool waits_for_recovery = is_unfinished_;
    is_unfinished_ = !repair_ || !marker_;
    replayed_.reset();
    if (!marker_) {
      problem(found + "; they cannot be handed down without the marker");
      return;
    }
    if (!repair_) {
      std::vector<std::string> misfits =
          waits_for_recovery ? std::vector<std::string>{} : check_layers(files, witness_);
      if (misfits.empty()) {
        problem(found + "; the next program that opens the dataset hands them down, or 'accrete verify --repair'");
        return;
      }
      for (std::string& misfit : misfits) problem(std::move(misfit));
      problem(found +
              "; nothing opens the dataset as it is: copy it, then 'accrete verify --repair' hands down "
              "what is whole and fits");
      return;
    }
    FilesWriter writer(files, witness_, env_.file_size_limit());
    ControlWords words = header.words;
    LayerRecovery::Report report = recover_layers(files, writer, witness_, words, Misfit::set_aside);
    repaired(found + ": what there was has been handed down" +
             (report.misfits.empty() ? "" : ", but for what is damaged or does not fit"));
    if (!report.misfits.empty()) problem(std::move(report.not_recovered));
    for (std::string& misfit : report.misfits) repaired(std::move(misfit));
  }

  void free_damaged_slots(DatasetFiles& files) {
    const std::uint64_t freed = files.writers.free_damaged();
    if (freed == 0) return;
    repaired(std::to_string(freed) + " slots of " + writers_name +
             " were damaged: their writers are forgotten. A batch with an id that such a writer sends again is applied "
             "again");
  }

  static void check_writers(DatasetFiles& files) {
    (void)files.writers.find(WriterId{}, files.control.load().words.writers);
  }

  void check_totals(DatasetFiles& files) {
    const Control::Header header = files.control.load();
    // An unfinished change or a reboot says itself that the totals are to be mended.
    if (needs_recovery(header, witness_)) return;
    ControlWords words = header.words;
    const Stats& counted = report_.counted = count_values(*directory_);
    if (words.keys == counted.keys && words.bytes == counted.stored_bytes) return;
    const std::string found = "the totals say " + std::to_string(words.keys) + " keys and " +
                              std::to_string(words.bytes) + " bytes, but there are " + std::to_string(counted.keys) +
                              " keys and " + std::to_string(counted.stored_bytes) + " bytes";
    if (!repair_) {
      problem(found + ": values were changed by something other than accrete; 'accrete verify --repair' counts anew");
      return;
    }
    count_anew(files, words);
    repaired(found + ": counted anew");
  }

  /// With the control file goes what it says about a change in progress; the values stay as they are.
  void renew_control(const std::string& why) {
    const Stats& counted = report_.counted;
    // Of no boot: the next step replays the journal and counts the writers, too. Whether a sync has failed is not
    // known.
    const ControlWords initial{.keys = counted.keys, .bytes = counted.bytes};
    replace_whole(*directory_, control_name, staged_control_name, Control::initial(Boots{}, initial, true));
    directory_->sync();
    DatasetFiles files = open_parts(false);
    free_damaged_slots(files);
    (void)recover(files, witness_);
    write_again(files);
    check_left_layers(files);
    repaired(
        why +
        ": made the control file anew, and wrote all files again, since with it went whether a sync had failed. If "
        "a writer died in a batch, a part of that batch may stand");
  }

  Env& env_;
  const BootWitness witness_;
  bool repair_;
  std::shared_ptr<Directory> directory_;
  const LayerRecovery& layers_;
  std::shared_ptr<DatasetLock> lock_;
  std::optional<Marker> marker_;      // if it can be read
  bool was_copy_ = false;             // by hard links, of another dataset
  bool is_unfinished_ = false;        // a change, or what a layer has left, waits for somebody to mend or hand it down
  std::optional<Replayed> replayed_;  // if it is only that power may have been lost
  VerifyReport report_;
};

}  // namespace

VerifyReport verify_files(Env& env, const std::shared_ptr<Directory>& directory, const LayerRecovery& layers,
                          const VerifyOptions& options) {
  return Verifier(env, directory, layers, options.repair).run();
}

}  // namespace accrete
