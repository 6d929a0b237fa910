#include "layout/files/files_layout.hpp"

#include "base/escape.hpp"
#include "dataset/boot_witness.hpp"
#include "dataset/directory.hpp"
#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "layout/files/check_frames.hpp"
#include "layout/files/dataset_files.hpp"
#include "layout/files/direct_reader.hpp"
#include "layout/files/files_store.hpp"
#include "layout/files/files_verify.hpp"
#include "layout/files/linked_files.hpp"
#include "layout/files/recovering_files.hpp"

namespace accrete {
namespace {

void refuse_to_adopt_foreign(const Directory& directory) {
  scan_values(directory, [&](const ScannedName& found) {
    if (found.key) return;
    throw InvalidKeyError("cannot adopt " + quoted(directory.path()) + ": " + quoted(found.name) +
                          " is not the name of a key's file (letters, digits, '_', '-', '.' and space stay, any "
                          "other byte is %XX); rename or move it");
  });
}

/// Values that are frames must not be taken for raw ones, nor the other way round.
void refuse_to_adopt_otherwise_encoded(Directory& directory, const std::optional<Codec>& codec) {
  if (codec) {
    const FrameCheck check = check_frames(directory, false);
    if (check.unreadable) std::rethrow_exception(check.unreadable);
    if (check.problems.empty()) return;
    throw CorruptionError("cannot adopt " + quoted(directory.path()) + " with a codec: " + check.problems.front() +
                          "; without --codec its files are adopted as raw values");
  }
  scan_values(directory, [&](const ScannedName& found) {
    if (!begins_with_frame(*directory.open(found.name, OpenMode::read))) return;
    throw InvalidArgumentError("cannot adopt " + quoted(directory.path()) + " as raw values: " + quoted(found.name) +
                               " is compressed by accrete; give the codec that the dataset is to have (--codec)");
  });
}

/// What is written to them would be written to another dataset's, too.
void refuse_to_adopt_linked(const Directory& directory) {
  std::vector<std::string> shared = shared_own_names(directory);
  for (const char* name : {lock_name, control_name}) {
    if (is_shared(directory, name)) shared.emplace_back(name);
  }
  if (shared.empty()) return;
  throw InvalidArgumentError("cannot adopt " + quoted(directory.path()) + ": its file " + shared.front() +
                             " has more than one name, as in a copy by hard links: it is another dataset's, too; copy "
                             "the directory (cp -a), or remove the file to adopt the values as they are");
}

/// Needs the lock.
bool is_control_whole(Directory& directory) {
  try {
    (void)Control(directory, false).load();
    return true;
  } catch (const CorruptionError&) {
    return false;
  }
}

[[noreturn]] void throw_misfit(const DatasetDirectory& dataset, const std::string& misfit) {
  throw CorruptionError("cannot adopt " + quoted(dataset.directory->path()) + ": " + misfit + "; move " +
                        dataset.layers.files() + ", " + control_name + " and " + journal_name +
                        " away to adopt the values as they are");
}

class FilesLayout final : public Layout {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return files_layout_name; }

  void initialize(Env& env, Directory& directory) const override {
    write_new(directory, control_name, Control::initial(BootWitness::first_record(env.boot())));
    Control(directory, false).set_home(directory.info("")->inode);
  }

  void check_adoptable(Directory& directory, const std::optional<Codec>& codec) const override {
    refuse_to_adopt_linked(directory);
    refuse_to_adopt_foreign(directory);
    refuse_to_adopt_otherwise_encoded(directory, codec);
  }

  void take_over(Env& env, const DatasetDirectory& dataset) const override {
    const std::shared_ptr<Directory>& directory = dataset.directory;
    if (!is_control_whole(*directory)) {
      // Of no boot, so that all is recovered; if there was one, with it goes whether a sync had failed.
      const bool is_damaged = directory->info(control_name).has_value();
      replace_whole(*directory, control_name, staged_control_name, Control::initial(Boots{}, {}, is_damaged));
    }
    const BootWitness witness(env);
    DatasetFiles files(dataset, false, {.file_size = env.file_size_limit()});
    FilesWriter writer(files, witness, env.file_size_limit());
    const Control::Header header = files.control.load();
    ControlWords words = needs_recovery(header, witness) ? recover(files, witness) : header.words;
    if (words.layered || dataset.layers.is_due(*directory)) {
      const std::vector<std::string> misfits = check_layers(files, witness);
      if (!misfits.empty()) throw_misfit(dataset, misfits.front());
      (void)recover_layers(files, writer, witness, words, Misfit::refuse);
    }
    const Stats counted = count_values(*directory);
    words.keys = counted.keys;
    words.bytes = counted.bytes;
    words.layered = false;
    words.destroyed = false;
    ++words.commits;
    ++words.removals;
    files.control.set_words(words);
    files.control.set_home(directory->info("")->inode);
  }

  void note_failed_sync(Directory& directory) const override { Control(directory, false).note_failed_sync(); }

  [[nodiscard]] std::unique_ptr<Dataset> open(Env& env, DatasetDirectory dataset,
                                              const OpenOptions& options) const override {
    return open_files(env, std::move(dataset), options);
  }

  [[nodiscard]] std::unique_ptr<OwnedDataset> open_owned(Env& env, DatasetDirectory dataset,
                                                         const OpenOptions& options) const override {
    return open_owned_files(env, std::move(dataset), options);
  }

  [[nodiscard]] std::unique_ptr<DirectReader> try_open_directly(DatasetDirectory dataset) const override {
    return try_open_files_directly(std::move(dataset));
  }

  [[nodiscard]] VerifyReport verify(Env& env, const std::shared_ptr<Directory>& directory, const LayerRecovery& layers,
                                    const VerifyOptions& options) const override {
    return verify_files(env, directory, layers, options);
  }

  [[nodiscard]] std::optional<Process> owner(Directory& directory) const override {
    try {
      return Control(directory, true).load_owner();
    } catch (const CorruptionError&) {
      return std::nullopt;
    }
  }

  [[nodiscard]] std::optional<std::string> describe_if_linked_copy(Directory& directory) const override {
    if (!is_linked_copy(directory)) return std::nullopt;
    return describe_linked_copy(directory);
  }

  [[nodiscard]] std::optional<std::string> find_foreign(const Directory& directory) const override {
    std::optional<std::string> foreign;
    scan_values(directory, [&](ScannedName&& found) {
      if (!found.key) foreign = std::move(found.name);
    });
    return foreign;
  }

  void check_removable(const Directory& directory) const override { check_values_removable(directory); }

  void mark_destroyed(Directory& directory) const override {
    try {
      Control control(directory, false);
      ControlWords words = control.load().words;
      words.destroyed = true;
      ++words.commits;
      ++words.removals;
      control.set_words(words);
    } catch (const CorruptionError&) {
      // It is missing or damaged, so nobody can be using it.
    }
  }

  void remove_values(Directory& directory) const override {
    bool any_removed = false;
    remove_all_values(directory, any_removed);
  }
};

}  // namespace

const Layout& files_layout() noexcept {
  static const FilesLayout layout;
  return layout;
}

}  // namespace accrete
