// An open dataset of the `files` layout.
#include <algorithm>
#include <limits>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/escape.hpp"
#include "base/filled_string.hpp"
#include "base/key_name.hpp"
#include "base/throw_io_error.hpp"
#include "os/system.hpp"
#include "store/batch_plan.hpp"
#include "store/files_dataset.hpp"
#include "store/files_parts.hpp"

namespace accrete {
namespace {

/// Above this, a synced batch syncs the file system instead of being written twice.
constexpr std::uint64_t largest_journaled_batch = Journal::size_limit / 8;

/// Below this, a value is read without asking how much memory there is.
constexpr std::uint64_t always_fits = 64 << 20;

constexpr std::size_t most_cached_descriptors = 16384;

[[noreturn]] void throw_too_large(std::string_view key, std::uint64_t size) {
  throw TooLargeError("the value of key " + quoted(key) + " has " + std::to_string(size) +
                      " bytes, which do not fit into memory; read it in pieces with get_range");
}

/// A value as it was at one moment: appends leave its first `size` bytes alone, and an erase leaves an open file alone,
/// so that it is read without a lock.
struct ValueSnapshot {
  std::shared_ptr<File> file;
  std::uint64_t size = 0;
};

std::string read_value(std::string_view key, const ValueSnapshot& value, std::uint64_t offset, std::uint64_t size) {
  size = offset < value.size ? std::min(size, value.size - offset) : 0;
  if (size == 0) return {};
  if (size > always_fits && size > available_memory()) throw_too_large(key, size);
  try {
    std::string bytes = filled_string(size, [&](std::span<char> to) { return value.file->read_at(offset, to); });
    if (bytes.size() == size) return bytes;
    throw CorruptionError("the value of key " + quoted(key) + " was cut by another program while it was read: " +
                          std::to_string(bytes.size()) + " of " + std::to_string(size) + " bytes were left");
  } catch (const std::bad_alloc&) {
    throw_too_large(key, size);
  } catch (const std::length_error&) {
    throw_too_large(key, size);
  }
}

class FilesStore final : public Store {
 public:
  FilesStore(Env& env, std::shared_ptr<DatasetLock> lock, std::unique_ptr<FilesParts> parts, const OpenOptions& options)
      : boot_id_(env.boot_id()),
        file_size_limit_(env.file_size_limit()),
        lock_timeout_(options.lock_timeout),
        lock_(std::move(lock)),
        parts_(std::move(parts)) {
    (void)read_access();  // recovers
  }

 private:
  /// The lock, and what was read under it.
  struct Access {
    DatasetLock::Guard guard;
    ControlWords words;
  };

  Access write_access() const {
    if (parts_->read_only) {
      throw ReadOnlyError("cannot change the dataset " + quoted(path()) + ": this process may only read it");
    }
    Access access{.guard = lock_->exclusive(lock_timeout_), .words = {}};
    const Control::Header header = parts_->control.load();
    check_not_destroyed(header.words);
    access.words = needs_recovery(header, boot_id_) ? recover(*parts_, boot_id_) : header.words;
    if (access.words.removals != seen_removals_) parts_->values.forget_files();
    if (access.words.commits != seen_commits_) parts_->values.forget_sizes();
    remember(access.words);
    return access;
  }

  Access read_access() const {
    for (;;) {
      Access access{.guard = lock_->shared(lock_timeout_), .words = {}};
      const Control::Header header = parts_->control.load();
      check_not_destroyed(header.words);
      access.words = header.words;
      if (!needs_recovery(header, boot_id_)) return access;
      if (parts_->read_only) {
        check_readable_unrecovered(header);
        return access;
      }
      access.guard.release();
      (void)write_access();
    }
  }

  void check_readable_unrecovered(const Control::Header& header) const {
    if (header.state == ChangeState::idle && header.words.journal_end <= Journal::header_size) return;
    throw ReadOnlyError("the dataset " + quoted(path()) +
                        " must be recovered from a writer that died or a reboot before it can be read, and this "
                        "process may not write it; open it once where it may, or run 'accrete verify --repair'");
  }

  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    Access access = write_access();
    ControlWords words = access.words;
    std::optional<WriterChange> writer;
    if (options.id) {
      const auto found = parts_->writers.find(options.id->writer, words.writers);
      if (found && found->sequence >= options.id->sequence) {
        access.guard.release();
        if (options.sync) do_sync();  // it may have been applied without
        return;
      }
      writer = found ? WriterChange{.slot = found->slot, .old_sequence = found->sequence}
                     : WriterChange{.slot = words.writers++};
    }
    plan_.assign(entries);
    parts_->values.plan(plan_.groups());
    if (options.expect_size) check_expected_size(plan_.groups()[0], *options.expect_size);
    check_file_size_limit();
    add_totals(words);
    if (!options.sync) {
      words.unsynced = true;
      append_under_intent(access.words, words, options.id, writer, SyncAll::no);
    } else if (journaled_size() <= largest_journaled_batch && journal_fits()) {
      append_through_journal(access.words, words, options.id, writer);
    } else {
      append_under_intent(access.words, words, options.id, writer, SyncAll::yes);
    }
  }

  enum class SyncAll { no, yes };

  void append_under_intent(const ControlWords& old_words, ControlWords words, const std::optional<BatchId>& id,
                           const std::optional<WriterChange>& writer, SyncAll sync) {
    set_intent(writer);
    encode_intent(intent_, record_);
    change([&] {
      parts_->control.begin_intent(old_words, record_);
      append_groups();
      if (id) parts_->writers.store(writer->slot, *id);
      if (sync == SyncAll::yes) checkpoint(*parts_, words);
      commit(words);
    });
    // The intent may have reached the disk with the checkpoint: its end must too, or power loss would take the batch
    // back.
    if (sync == SyncAll::yes) parts_->control.sync();
  }

  void append_through_journal(const ControlWords& old_words, ControlWords words, const std::optional<BatchId>& id,
                              const std::optional<WriterChange>& writer) {
    const std::string payload = journal_payload(id);
    // The nonce differs if somebody was killed between starting the journal anew and committing that.
    const bool restart = words.unsynced || words.journal_end < Journal::header_size ||
                         parts_->journal.load_nonce() != words.journal_nonce ||
                         words.journal_end + Journal::record_size(payload) > Journal::size_limit;
    if (restart) parts_->directory->sync_file_system();
    const std::uint64_t offset = restart ? Journal::header_size : words.journal_end;
    try {
      parts_->control.begin_journal(old_words);
      if (restart) {
        words.journal_nonce = random_u64();
        words.journal_end = parts_->journal.restart(words.journal_nonce, payload);
        words.unsynced = false;
      } else {
        words.journal_end = parts_->journal.append(words.journal_nonce, offset, payload);
      }
      append_groups();
      if (id) parts_->writers.store(writer->slot, *id);
      commit(words);
    } catch (...) {
      set_intent(writer);
      take_back_journaled(offset);
      throw;
    }
  }

  /// The record goes last: where taking back fails before, the whole batch is rolled forward instead, never a part of
  /// it.
  void take_back_journaled(std::uint64_t offset) noexcept {
    try {
      for (const IntentTarget& target : intent_.targets) parts_->values.take_back(target.key, target.old_size);
      if (intent_.writer) parts_->writers.restore(intent_.writer->slot, intent_.writer->old_sequence);
      parts_->journal.invalidate(offset);
      recover_now();
    } catch (const std::exception&) {
      // The next access recovers.
    }
  }

  /// Runs a change that an intent covers. One that fails is recovered from at once, as if its writer had died.
  template <typename Change>
  void change(Change apply) {
    try {
      apply();
    } catch (...) {
      try {
        recover_now();
      } catch (const std::exception&) {
        // The next access recovers.
      }
      throw;
    }
  }

  void recover_now() {
    if (needs_recovery(parts_->control.load(), boot_id_)) remember(recover(*parts_, boot_id_));
    parts_->values.forget_files();
  }

  void append_groups() {
    for (BatchPlan::Group& group : plan_.groups()) parts_->values.append(group, plan_.pieces(group));
  }

  void commit(ControlWords words) {
    ++words.commits;
    parts_->control.commit(words);
    remember(words);
  }

  /// The values as this process knows them are those of `words`.
  void remember(const ControlWords& words) const noexcept {
    seen_commits_ = words.commits;
    seen_removals_ = words.removals;
  }

  void set_intent(const std::optional<WriterChange>& writer) {
    intent_.kind = Intent::Kind::append;
    intent_.writer = writer;
    intent_.targets.clear();
    for (const BatchPlan::Group& group : plan_.groups()) {
      intent_.targets.push_back({.key = group.key, .old_size = group.old_size});
    }
  }

  void add_totals(ControlWords& words) {
    for (const BatchPlan::Group& group : plan_.groups()) {
      words.keys += group.old_size ? 0 : 1;
      words.bytes += group.bytes;
    }
  }

  std::string journal_payload(const std::optional<BatchId>& id) {
    JournalPayload payload(id, static_cast<std::uint32_t>(plan_.groups().size()));
    for (const BatchPlan::Group& group : plan_.groups()) {
      payload.add_entry(group.key, group.old_size, group.bytes);
      for (const std::string_view piece : plan_.pieces(group)) payload.add_bytes(piece);
    }
    return payload.str();
  }

  std::uint64_t journaled_size() {
    std::uint64_t size = 0;
    for (const BatchPlan::Group& group : plan_.groups()) size += group.key.size() + group.bytes;
    return size;
  }

  bool journal_fits() const noexcept { return file_size_limit_ >= Journal::size_limit; }

  /// Writing beyond the limit would raise SIGXFSZ, which kills the process unless it is ignored.
  void check_file_size_limit() {
    if (file_size_limit_ == std::numeric_limits<std::uint64_t>::max()) return;
    for (const BatchPlan::Group& group : plan_.groups()) {
      const std::uint64_t old_size = group.old_size.value_or(0);
      if (old_size <= file_size_limit_ && group.bytes <= file_size_limit_ - old_size) continue;
      throw_io_error("append to", path() + "/" + key_to_name(group.key), EFBIG);
    }
  }

  static void check_expected_size(const BatchPlan::Group& group, std::uint64_t expected) {
    const bool is_as_expected = expected == 0 ? !group.old_size : group.old_size == expected;
    if (is_as_expected) return;
    throw SizeMismatchError("the value of key " + quoted(group.key) + " was expected to " +
                            (expected == 0 ? "be new" : "have " + std::to_string(expected) + " bytes") + ", but it " +
                            (group.old_size ? "has " + std::to_string(*group.old_size) : "does not exist"));
  }

  void check_not_destroyed(const ControlWords& words) const {
    if (!words.destroyed) return;
    throw NotFoundError("the dataset " + quoted(path()) +
                        " has been destroyed; if its directory is still there, destroy it again to finish");
  }

  ValueSnapshot snapshot(std::string_view key, const ControlWords& words) const {
    const std::lock_guard lock(shared_parts_mutex_);
    ValueSnapshot value;
    value.file = parts_->values.try_open_to_read(key, words.removals == seen_removals_);
    if (value.file) value.size = value.file->size();
    return value;
  }

  std::string do_get(std::string_view key) const override {
    return do_get_range(key, 0, std::numeric_limits<std::uint64_t>::max());
  }

  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    Access access = read_access();
    const ValueSnapshot value = snapshot(key, access.words);
    access.guard.release();
    return value.file ? read_value(key, value, offset, size) : std::string{};
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
      ValueSnapshot value = snapshot(keys[i], access.words);
      if (value.file) open.emplace_back(i, std::move(value));
      if (open.size() >= parts_->values.max_open_files()) read_open();
    }
    access.guard.release();
    read_open();
    return values;
  }

  std::optional<std::uint64_t> do_size(std::string_view key) const override {
    const Access access = read_access();
    return parts_->values.size(key);
  }

  std::vector<KeySize> do_list(const ListOptions& options) const override {
    const auto wanted = [&](const std::string& key) {
      return key.starts_with(options.prefix) && (!options.after || key > *options.after);
    };
    std::vector<std::pair<std::string, std::string>> found;  // key, name
    const Access access = read_access();
    scan_values(*parts_->directory, [&](ScannedName&& scanned) {
      if (scanned.key && wanted(*scanned.key)) found.emplace_back(*std::move(scanned.key), std::move(scanned.name));
    });
    const std::size_t count = std::min(found.size(), options.limit.value_or(found.size()));
    const auto middle = found.begin() + static_cast<std::ptrdiff_t>(count);
    if (count < found.size()) std::nth_element(found.begin(), middle, found.end());
    std::sort(found.begin(), middle);
    std::vector<KeySize> list;
    list.reserve(count);
    for (auto& [key, name] : std::span{found}.first(count)) {
      const std::optional<FileInfo> info = parts_->directory->info(name);
      if (info) list.push_back({.key = std::move(key), .size = info->size});
    }
    return list;
  }

  Stats do_stats() const override {
    const Access access = read_access();
    return {.keys = access.words.keys, .bytes = access.words.bytes};
  }

  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    const Access access = read_access();
    const std::lock_guard lock(shared_parts_mutex_);
    const auto found = parts_->writers.find(writer, access.words.writers);
    return found ? std::optional(found->sequence) : std::nullopt;
  }

  void do_erase(std::string_view key) override {
    Access access = write_access();
    ControlWords& words = access.words;
    const std::optional<std::uint64_t> size = parts_->values.size(key);
    if (!size) return;
    empty_journal(words);
    intent_ = {.kind = Intent::Kind::erase};
    intent_.targets.push_back({.key = key, .old_size = size});
    encode_intent(intent_, record_);
    const ControlWords old_words = words;
    words.keys -= 1;
    words.bytes -= *size;
    words.unsynced = true;
    ++words.removals;
    change([&] {
      parts_->control.begin_intent(old_words, record_);
      try {
        parts_->values.remove(key);
      } catch (...) {
        parts_->control.cancel();
        throw;
      }
      commit(words);
    });
  }

  void do_drop() override {
    Access access = write_access();
    ControlWords& words = access.words;
    empty_journal(words);
    intent_ = {.kind = Intent::Kind::drop};
    encode_intent(intent_, record_);
    const ControlWords old_words = words;
    words.keys = 0;
    words.bytes = 0;
    words.unsynced = true;
    ++words.removals;
    parts_->values.forget_files();
    change([&] {
      parts_->control.begin_intent(old_words, record_);
      remove_all_values(*parts_->directory);
      commit(words);
    });
  }

  /// The journal's records would bring removed values back after power loss.
  void empty_journal(ControlWords& words) {
    if (words.journal_end <= Journal::header_size) return;
    change([&] {
      parts_->control.begin_journal(words);
      checkpoint(*parts_, words);
      commit(words);
    });
    ++words.commits;
  }

  void do_flush() override {}  // every append has handed its bytes to the operating system

  void do_sync() override {
    std::uint64_t commits = 0;
    {
      const Access access = parts_->read_only ? read_access() : write_access();
      if (!access.words.unsynced) return;
      commits = access.words.commits;
    }
    // Not under the lock: it may take seconds, and what is appended meanwhile need not be covered.
    parts_->directory->sync_file_system();
    if (parts_->read_only) return;
    Access access = write_access();
    if (access.words.commits != commits) return;
    change([&] {
      parts_->control.begin_journal(access.words);
      access.words.journal_nonce = random_u64();
      access.words.journal_end = parts_->journal.restart(access.words.journal_nonce);
      access.words.unsynced = false;
      commit(access.words);
    });
  }

  const std::string& path() const noexcept { return parts_->directory->path(); }

  const BootId boot_id_;
  const std::uint64_t file_size_limit_;
  const std::chrono::milliseconds lock_timeout_;
  const std::shared_ptr<DatasetLock> lock_;  // guards all below
  const std::unique_ptr<FilesParts> parts_;
  mutable std::mutex
      shared_parts_mutex_;  // guards parts_->values' cache and parts_->writers among holders of a shared lock
  mutable std::uint64_t seen_commits_ = 0;  // what parts_->values remembers is of these
  mutable std::uint64_t seen_removals_ = 0;
  // Kept for their memory:
  BatchPlan plan_;
  Intent intent_;
  std::string record_;
};

std::size_t cache_capacity(const Env& env, const OpenOptions& options) {
  const std::uint64_t most = std::clamp<std::uint64_t>(env.open_files_limit() / 2, 1, most_cached_descriptors);
  return options.max_open_files > 0 ? std::min<std::uint64_t>(options.max_open_files, most) : most;
}

/// For reading only where this process may not write.
std::unique_ptr<FilesParts> open_parts(const std::shared_ptr<Directory>& directory, std::size_t capacity) {
  try {
    return std::make_unique<FilesParts>(directory, false, capacity);
  } catch (const ReadOnlyError&) {
    return std::make_unique<FilesParts>(directory, true, capacity);
  } catch (const IoError& error) {
    if (error.code().value() != EACCES && error.code().value() != EPERM) throw;
    return std::make_unique<FilesParts>(directory, true, capacity);
  }
}

}  // namespace

std::unique_ptr<Store> open_files(Env& env, const std::string& path, const OpenOptions& options) {
  const std::shared_ptr<Directory> directory = open_dataset_directory(env, path);
  (void)load_marker(*directory);
  std::shared_ptr<DatasetLock> lock = directory->lock(lock_name);
  return std::make_unique<FilesStore>(env, std::move(lock), open_parts(directory, cache_capacity(env, options)),
                                      options);
}

}  // namespace accrete
