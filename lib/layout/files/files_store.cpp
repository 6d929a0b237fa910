#include "layout/files/files_store.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <mutex>
#include <utility>

#include "base/escape.hpp"
#include "base/own_writer.hpp"
#include "dataset/directory.hpp"
#include "dataset/layout.hpp"
#include "dataset/names.hpp"
#include "layout/files/dataset_files.hpp"
#include "layout/files/files_writer.hpp"
#include "layout/files/linked_files.hpp"
#include "layout/files/recovering_files.hpp"
#include "layout/files/unfinished_change.hpp"
#include "layout/files/value_snapshot.hpp"
#include "os/process.hpp"
#include "os/system.hpp"

namespace accrete {
namespace {

constexpr std::size_t max_cached_descriptors = 16384;

enum class Ownership {
  shared,
  whole,  ///< the lock is this process's for as long as the Store lives
};

class FilesStore final : public OwnedDataset {
 public:
  FilesStore(Env& env, std::shared_ptr<DatasetLock> lock, std::unique_ptr<DatasetFiles> files,
             const OpenOptions& options, Ownership ownership)
      : env_(env),
        witness_(env),
        lock_timeout_(options.lock_timeout),
        lock_(std::move(lock)),
        files_(std::move(files)),
        writer_(*files_, witness_, env.file_size_limit()) {
    if (is_linked_copy(*files_->directory, files_->control)) {
      throw CorruptionError(describe_linked_copy(*files_->directory));
    }
    if (ownership == Ownership::whole) own();
    try {
      (void)read_access();  // recovers
    } catch (const DiskFullError&) {
      if (ownership == Ownership::whole) throw;
      // Something can be removed, which makes room.
    }
    note_home();
  }

  ~FilesStore() override {
    if (owner_.number == 0 || owner_.number != static_cast<std::uint64_t>(process_id())) return;
    try {
      const DatasetLock::Guard guard = lock_->exclusive(lock_timeout_);
      files_->control.set_owner({});
    } catch (const Error&) {
      // One that is left behind misleads nobody: it is believed only while its process has the lock.
    }
  }
  FilesStore(const FilesStore&) = delete;
  FilesStore& operator=(const FilesStore&) = delete;

 private:
  /// The lock, and what was read under it.
  struct Access {
    DatasetLock::Guard guard;
    ControlWords words;
    std::optional<UnfinishedChange> unfinished{};  // for readers
  };

  using TakeLock = DatasetLock::Guard (DatasetLock::*)(std::chrono::milliseconds);

  DatasetLock::Guard lock(TakeLock take) const {
    try {
      return (*lock_.*take)(lock_timeout_);
    } catch (const LockedError& error) {
      throw LockedError(error.what() + describe_server());
    }
  }

  /// Of a server that has come to have the dataset since this was opened. Only a Store that is opened then finds it.
  [[nodiscard]] std::string describe_server() const {
    const Process owner = files_->control.load_owner();
    if (owner == owner_ || owner == Process{} || !files_->directory->info(server_name)) return "";
    if (is_certainly_dead(owner)) return "";
    return "; a server (process " + std::to_string(owner.number) +
           ") serves the dataset: open it anew to go over to it";
  }

  /// Under the lock. Looks for damage when this is opened.
  Control::Header load_control() const {
    if (is_control_checked_) return files_->control.load_unchecked();
    Control::Header header = files_->control.load();
    is_control_checked_ = true;
    return header;
  }

  /// Mends what a dead writer has left, and hands down what a dead layer has.
  Access write_access() const {
    Access access = recovered_access();
    if (must_replay(access.words)) replay(access.words);
    remember(access.words);
    return access;
  }

  void replay(ControlWords& words) const {
    (void)recover_layers(*files_, writer_, witness_, words, Misfit::refuse);
    has_nothing_left_ = true;
  }

  Access recovered_access() const {
    if (files_->read_only) {
      throw ReadOnlyError("cannot change the dataset " + quoted(path()) + ": this process may only read it");
    }
    Access access{.guard = lock(&DatasetLock::exclusive), .words = {}};
    Control::Header header = load_control();
    check_not_destroyed(header.words);
    if (header.owner != owner_) disown(header.owner);
    if (!has_own_files_) {
      separate_own_files(*files_->directory, files_->control, header);
      has_own_files_ = true;
    }
    access.words = needs_recovery(header, witness_) ? recover(*files_, witness_) : header.words;
    if (access.words.removals != seen_removals_) files_->forget_files();
    // A copy by hard links may have been made meanwhile: then the values' files have another name, too.
    const bool has_links = files_->control.links() > 1;
    if (has_links || access.words.commits != seen_commits_) files_->values.forget_sizes();
    if (access.words.commits != seen_commits_) files_->writers.expect_changes();
    remember(access.words);
    return access;
  }

  /// For who finds the control file in a copy of hard links.
  void note_home() const {
    const std::uint64_t here = files_->directory->info("")->inode;
    if (files_->read_only || files_->control.load_home() == here) return;
    try {
      // Without waiting: nobody needs it now.
      const DatasetLock::Guard guard = lock_->try_exclusive();
      if (guard && files_->control.links() == 1) files_->control.set_home(here);
    } catch (const Error&) {
      // The next to open the dataset will.
    }
  }

  /// What a dead writer has left is mended first; where that fails, it is read as if it had not begun.
  Access read_access() const {
    std::exception_ptr failure;
    for (;;) {
      Access access{.guard = lock(&DatasetLock::shared), .words = {}};
      const bool is_first = !is_control_checked_;
      const Control::Header header = load_control();
      if (is_first && !files_->read_only && is_behind_journal(*files_, header)) {
        access.guard.release();
        doubt_boots();
        continue;
      }
      check_not_destroyed(header.words);
      access.words = header.words;
      const bool has_dead_owner = header.owner != owner_;
      if (has_dead_owner) refuse_living_owner(*files_->directory, header.owner);
      const bool must_disown = has_dead_owner && !files_->read_only && !failure;
      if (!must_disown && !needs_recovery(header, witness_) && !must_replay(header.words)) return access;
      if (failure && !is_readable_unrecovered(header)) std::rethrow_exception(failure);
      if (files_->read_only) check_readable_unrecovered(header);
      if (failure || files_->read_only) {
        access.unfinished = UnfinishedChange::load(*files_, header, is_of_this_boot(header));
        if (access.unfinished->drops_all()) access.words.keys = access.words.bytes = 0;
        return access;
      }
      access.guard.release();
      try {
        (void)write_access();
      } catch (const IoError&) {
        failure = std::current_exception();
      } catch (const ReadOnlyError&) {
        failure = std::current_exception();
      }
    }
  }

  /// What the disk has lost is to be looked for as after a reboot.
  void doubt_boots() const {
    const DatasetLock::Guard guard = lock_->exclusive(lock_timeout_);
    files_->control.set_boots({});
  }

  /// Under the lock. Whether something is left that the control file does not know of is asked when this is opened.
  [[nodiscard]] bool must_replay(const ControlWords& words) const {
    if (!words.layered && has_nothing_left_) return false;
    if (words.layered || keeps_layer_) return !keeps_layer_;
    has_nothing_left_ = !files_->layers.is_due(*files_->directory);
    return !has_nothing_left_;
  }

  void own() {
    const DatasetLock::Guard guard = lock_->exclusive(lock_timeout_);
    refuse_living_owner(*files_->directory, files_->control.load_owner());
    owner_ = this_process();
    files_->control.set_owner(owner_);
  }

  void disown(const Process& dead) const {
    refuse_living_owner(*files_->directory, dead);
    files_->control.set_owner({});
  }

  /// Not if acknowledged bytes stand in a journal only: in that of a layer, or, after power loss, in `.journal`.
  [[nodiscard]] bool is_readable_unrecovered(const Control::Header& header) const {
    if (must_replay(header.words)) return false;
    return header.words.journal_end <= Journal::header_size || is_of_this_boot(header);
  }

  [[nodiscard]] bool is_of_this_boot(Control::Header header) const {
    header.state = ChangeState::idle;
    return !needs_recovery(header, witness_);
  }

  void check_readable_unrecovered(const Control::Header& header) const {
    if (is_readable_unrecovered(header)) return;
    throw ReadOnlyError("the dataset " + quoted(path()) +
                        " must be recovered from a writer that died or a reboot before it can be read, and this "
                        "process may not write it; open it once where it may, or run 'accrete verify --repair'");
  }

  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    {
      Access access = write_access();
      if (options.id && !entries.empty()) refuse_forgotten(*options.id, access.words);
      const bool is_applied = writer_.append(access.words, entries, options);
      remember(access.words);
      if (is_applied) return;
    }
    if (options.sync) do_sync();  // the batch with this id may have been applied without
  }

  /// Here a batch with an id of a client's own making comes again: but for the owner, whose clients it may be new from.
  void refuse_forgotten(const BatchId& id, const ControlWords& words) const {
    const bool is_owner = owner_.number != 0;
    if (is_owner || !is_own_writer(id.writer) || files_->writers.find(id.writer, words.writers)) return;
    if (may_be_forgotten(id.writer, files_->writers.forgotten())) throw_forgotten_id(id);
  }

  /// The values as this process knows them are those of `words`.
  void remember(const ControlWords& words) const noexcept {
    seen_commits_ = words.commits;
    seen_removals_ = words.removals;
  }

  void check_not_destroyed(const ControlWords& words) const {
    if (!words.destroyed) return;
    throw NotFoundError("the dataset " + quoted(path()) + " has been destroyed" + what_is_left());
  }

  /// Nothing if another dataset may have come in its place: that must not be destroyed.
  [[nodiscard]] std::string what_is_left() const {
    try {
      const std::unique_ptr<Directory> found = env_.try_open_directory(path());
      const std::uint64_t here = files_->directory->info("")->inode;
      if (!found || found->info("")->inode != here) return "";
      const Control::Header header = Control(*found, true).load();
      if (!header.words.destroyed) return "";
      if (header.home == here) return ", and its directory is still there: destroy it again to finish";
    } catch (const Error&) {
      return "";
    }
    return "; if it is a copy by hard links of what was destroyed, run 'accrete verify --repair', else destroy it "
           "again "
           "to finish";
  }

  ValueSnapshot snapshot(std::string_view key, const Access& access) const {
    const std::lock_guard lock(shared_parts_mutex_);
    ValueSnapshot value;
    value.file = files_->values.try_open_to_read(key, access.words.removals == seen_removals_);
    if (!value.file) return value;
    const std::optional<std::uint64_t> size = visible_size(key, value.file->size(), access);
    return size ? ValueSnapshot{.file = std::move(value.file), .size = *size} : ValueSnapshot{};
  }

  ValueSnapshot snapshot(std::string_view key) const { return snapshot(key, read_access()); }

  [[nodiscard]] static std::optional<std::uint64_t> visible_size(std::string_view key, std::uint64_t size,
                                                                 const Access& access) {
    return access.unfinished ? access.unfinished->visible_size(key, size) : size;
  }

  std::string do_get(std::string_view key) const override {
    return do_get_range(key, 0, std::numeric_limits<std::uint64_t>::max());
  }

  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    const ValueSnapshot value = snapshot(key);
    return value.file ? read_value(key, value, offset, size) : std::string{};
  }

  std::size_t do_get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const override {
    const ValueSnapshot value = snapshot(key);
    return value.file ? read_value_into(key, value, offset, to) : 0;
  }

  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    constexpr std::uint64_t whole = std::numeric_limits<std::uint64_t>::max();
    std::vector<std::string> values(keys.size());
    std::vector<std::pair<std::size_t, ValueSnapshot>> open;
    const auto read_open = [&] {
      for (const auto& [i, value] : open) values[i] = read_value(keys[i], value, 0, whole);
      open.clear();
    };
    Access access = read_access();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      ValueSnapshot value = snapshot(keys[i], access);
      if (value.file) open.emplace_back(i, std::move(value));
      if (open.size() >= files_->values.max_files_read_at_once()) read_open();
    }
    access.guard.release();
    read_open();
    return values;
  }

  std::optional<std::uint64_t> do_size(std::string_view key) const override {
    const Access access = read_access();
    const std::optional<std::uint64_t> size = files_->values.size(key);
    return size ? visible_size(key, *size, access) : std::nullopt;
  }

  std::vector<KeySize> do_list(const ListOptions& options) const override {
    const Access access = read_access();
    return list_values(*files_->directory, options,
                       [&](std::string_view key, std::uint64_t size) { return visible_size(key, size, access); });
  }

  std::uint64_t do_removals() const override { return read_access().words.removals; }

  Stats do_stats() const override {
    const Access access = read_access();
    return {.keys = access.words.keys, .bytes = access.words.bytes, .stored_bytes = access.words.bytes};
  }

  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    const Access access = read_access();
    const std::lock_guard lock(shared_parts_mutex_);
    if (access.words.removals != seen_removals_) files_->writers.forget_file();
    if (access.words.commits != seen_commits_) files_->writers.expect_changes();
    const auto found = files_->writers.find(writer, access.words.writers);
    if (!found) return std::nullopt;
    return access.unfinished ? access.unfinished->visible_sequence(found->slot, found->sequence) : found->sequence;
  }

  void do_erase(std::string_view key) override { remove(key); }

  void do_drop() override { remove(std::nullopt); }

  /// All keys, if there is none.
  void remove(std::optional<std::string_view> key) {
    try {
      Access access = write_access();
      remove(key, access.words);
    } catch (const DiskFullError&) {
      if (!try_remove_unreplayed(key)) throw;
    }
  }

  void remove(std::optional<std::string_view> key, ControlWords& words) {
    key ? writer_.erase(words, *key) : writer_.drop(words);
    remember(words);
  }

  /// For when what a dead layer has left cannot be handed down, as the disk is full.
  bool try_remove_unreplayed(std::optional<std::string_view> key) {
    Access access = recovered_access();
    if (!must_replay(access.words)) {
      remove(key, access.words);  // another process has made room
      return true;
    }
    RecoveringFiles recovering(*files_, &writer_, witness_, access.words);
    if (!files_->layers.try_remove(recovering, key)) return false;
    remember(access.words);
    try {
      replay(access.words);
      remember(access.words);
    } catch (const Error&) {
      // The next access tries again, and tells.
    }
    return true;
  }

  void with_shared_lock(const std::function<void(Directory&)>& read) const override {
    const Access access = read_access();
    read(*files_->directory);
  }

  /// Not all that a dead layer has left need be handed down before, for which the disk may have no room.
  void with_exclusive_lock(const std::function<void(Directory&)>& change) override {
    const Access access = recovered_access();
    change(*files_->directory);
  }

  const Marker& marker() const noexcept override { return files_->marker; }

  Directory& directory() noexcept override { return *files_->directory; }

  bool has_readable_values() const noexcept override { return !files_->marker.codec; }

  void end_unfinished_change() override { (void)write_access(); }

  std::optional<std::uint64_t> stored_size(std::string_view key) const override { return files_->values.size(key); }

  std::vector<BatchId> session_sequences() const override {
    const Access access = read_access();
    const std::lock_guard lock(shared_parts_mutex_);
    return files_->writers.sessions(access.words.writers);
  }

  std::uint64_t forgotten_writers() const override {
    const Access access = read_access();
    const std::lock_guard lock(shared_parts_mutex_);
    return files_->writers.forgotten();
  }

  std::uint64_t session_secret() override {
    const Access access = write_access();
    return files_->writers.secret();
  }

  void forget_writer(const BatchId& last) override {
    Access access = write_access();
    writer_.forget_writer(access.words, last);
    remember(access.words);
  }

  void check_removable(std::optional<std::string_view> key) const override {
    const Access access = read_access();
    const std::lock_guard lock(shared_parts_mutex_);
    accrete::check_removable(*files_, key);
  }

  void set_layered(bool layered) override {
    // Until it is said that it is gone, too: this owner has no need to replay its own.
    keeps_layer_ = true;
    Access access = write_access();
    if (access.words.layered != layered) writer_.set_layered(access.words, layered);
    // The layer's files are removed next. After power loss they must not be missed.
    if (!layered) files_->control.sync();
    keeps_layer_ = layered;
    remember(access.words);
  }

  void note_failed_sync() noexcept override { files_->control.note_failed_sync(); }

  bool has_failed_sync() const override { return files_->control.has_failed_sync(); }

  void check_no_sync_failed() const override { accrete::check_no_sync_failed(*files_); }

  void do_flush() override {}  // every append has handed its bytes to the operating system

  void do_sync() override {
    std::uint64_t commits = 0;
    {
      const Access access = files_->read_only ? read_access() : write_access();
      check_no_sync_failed();
      if (!access.words.unsynced) return;
      commits = access.words.commits;
    }
    if (files_->read_only) {
      throw ReadOnlyError("cannot sync the dataset " + quoted(path()) +
                          ": this process may only read it, so others would not learn of a failure");
    }
    // Not under the lock: it may take seconds, and what is appended meanwhile need not be covered.
    sync_values(*files_);
    Access access = write_access();
    if (access.words.commits != commits) return;
    writer_.renew_journal(access.words);
    remember(access.words);
  }

  const std::string& path() const noexcept { return files_->directory->path(); }

  Env& env_;
  const BootWitness witness_;
  const std::chrono::milliseconds lock_timeout_;
  const std::shared_ptr<DatasetLock> lock_;  // guards all below
  const std::unique_ptr<DatasetFiles> files_;
  mutable FilesWriter writer_;  // whoever has the lock recovers first, readers too
  mutable std::mutex
      shared_parts_mutex_;  // guards files_->values' cache and files_->writers among holders of a shared lock
  mutable std::uint64_t seen_commits_ = 0;  // what files_->values remembers is of these
  mutable std::uint64_t seen_removals_ = 0;
  mutable std::atomic<bool> has_nothing_left_ = false;  // by a layer that died
  mutable bool is_control_checked_ = false;
  mutable bool has_own_files_ = false;  // those of files_ that are written to are no other dataset's
  Process owner_{};                     // this process, if the dataset is its own
  bool keeps_layer_ = false;            // what is there is of a layer over this Store
};

std::size_t cache_capacity(const Env& env, const OpenOptions& options) {
  const std::uint64_t limit = std::clamp<std::uint64_t>(env.open_files_limit() / 2, 1, max_cached_descriptors);
  descriptor_budget().set_limit(limit);
  return options.max_open_files > 0 ? std::min<std::uint64_t>(options.max_open_files, limit) : limit;
}

DatasetFiles::Limits limits_of(const Env& env, const OpenOptions& options) {
  return {.open_files = cache_capacity(env, options),
          .file_size = env.file_size_limit(),
          .lock_timeout = options.lock_timeout};
}

/// For reading only where this process may not write.
std::unique_ptr<DatasetFiles> open_parts(const DatasetDirectory& dataset, const DatasetFiles::Limits& limits) {
  const auto open = [&](bool for_reading) { return std::make_unique<DatasetFiles>(dataset, for_reading, limits); };
  try {
    return open(false);
  } catch (const ReadOnlyError&) {
    return open(true);
  } catch (const IoError& error) {
    if (error.code().value() != EACCES && error.code().value() != EPERM) throw;
    return open(true);
  }
}

void refuse_unfit_file_system(const Directory& directory, const OpenOptions& options) {
  refuse_unreachable_locks(directory, options.trusted_file_systems);
  refuse_case_folding(directory);
}

}  // namespace

std::unique_ptr<Dataset> open_files(Env& env, DatasetDirectory dataset, const OpenOptions& options) {
  refuse_unfit_file_system(*dataset.directory, options);
  std::shared_ptr<DatasetLock> lock = dataset.directory->lock(lock_name);
  return std::make_unique<FilesStore>(env, std::move(lock), open_parts(dataset, limits_of(env, options)), options,
                                      Ownership::shared);
}

std::unique_ptr<OwnedDataset> open_owned_files(Env& env, DatasetDirectory dataset, const OpenOptions& options) {
  refuse_unfit_file_system(*dataset.directory, options);
  std::shared_ptr<DatasetLock> lock = own(dataset.directory->lock(lock_name), options.lock_timeout);
  auto files = std::make_unique<DatasetFiles>(dataset, false, limits_of(env, options));
  return std::make_unique<FilesStore>(env, std::move(lock), std::move(files), options, Ownership::whole);
}

}  // namespace accrete
