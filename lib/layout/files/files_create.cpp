// Creating, adopting and destroying datasets of the `files` layout.
#include <algorithm>
#include <cerrno>

#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "base/throw_io_error.hpp"
#include "dataset/boot_witness.hpp"
#include "dataset/directory.hpp"
#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "dataset/staging.hpp"
#include "layout/files/buffer_journal.hpp"
#include "layout/files/buffer_replay.hpp"
#include "layout/files/check_frames.hpp"
#include "layout/files/files_dataset.hpp"
#include "layout/files/files_parts.hpp"
#include "layout/files/linked_files.hpp"
#include "os/system.hpp"

namespace accrete {
namespace {

Marker new_marker(bool temporary, const std::optional<Codec>& codec) {
  return {.codec = codec, .uuid = format_uuid(random_uuid()), .temporary = temporary};
}

/// "" for a relative path of one component is the current directory.
std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string without_trailing_slashes(const std::string& path) {
  const std::size_t last = path.find_last_not_of('/');
  if (last == std::string::npos) throw InvalidArgumentError("no dataset can be at " + quoted(path));
  return path.substr(0, last + 1);
}

/// Writes the files of an empty dataset, all but its marker and lock.
void write_control(Env& env, Directory& directory) {
  write_new(directory, control_name, Control::initial(BootWitness::first_record(env.boot())));
  Control(directory, false).set_home(directory.info("")->inode);
}

/// A new dataset is there whether or not this fails: then no later sync of it counts, either.
void sync_names_of_new(Directory& parent, Directory& dataset) {
  try {
    parent.sync();
  } catch (const Error&) {
    Control(dataset, false).note_failed_sync();
    throw;
  }
}

/// The dataset is made whole under another name and then renamed, so that nobody ever sees a part of it.
std::shared_ptr<DatasetLock> create_whole(Env& env, const std::string& given_path, bool temporary,
                                          const CreateOptions& options) {
  const std::string path = without_trailing_slashes(given_path);
  if (const auto info = env.info(path)) {
    throw ExistsError("cannot create the dataset " + quoted(path) + ": there is a " +
                      (info->type == FileType::directory ? "directory" : "file") + " of that name");
  }
  const std::string parent_path = parent_of(path);
  const std::unique_ptr<Directory> parent = env.try_open_directory(parent_path);
  if (!parent) throw_io_error("create the dataset", path, ENOENT);
  refuse_unreachable_locks(*parent, options.trusted_file_systems);

  Staging staging(env, parent_path);
  Directory& directory = staging.directory();
  std::shared_ptr<DatasetLock> owner;
  if (temporary) {
    write_new(directory, owner_name, "");
    owner = directory.lock(owner_name);
    if (!owner->try_own()) throw LockedError("cannot lock the new " + quoted(path) + "/" + owner_name);
  }
  refuse_case_folding(directory);
  write_control(env, directory);
  write_new(directory, marker_name, encode_marker(new_marker(temporary, options.codec)));
  directory.sync();
  if (!staging.try_move_to(path)) {
    throw ExistsError("cannot create the dataset " + quoted(path) + ": something of that name has just appeared");
  }
  sync_names_of_new(*parent, directory);
  return owner;
}

void refuse_to_adopt_foreign(const Directory& directory) {
  for (const std::string& name : foreign_dot_names(directory)) {
    throw InvalidKeyError("cannot adopt " + quoted(directory.path()) + ": " + quoted(name) +
                          " begins with a dot, as a dataset's own files do, and is none of them; move it away");
  }
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

/// Needs the lock.
bool is_control_whole(Directory& directory) {
  try {
    (void)Control(directory, false).load();
    return true;
  } catch (const CorruptionError&) {
    return false;
  }
}

[[noreturn]] void throw_misfit(const Directory& directory, const std::string& misfit) {
  throw CorruptionError("cannot adopt " + quoted(directory.path()) + ": the journal of a buffer, in " +
                        buffer_journal_names[0] + " and " + buffer_journal_names[1] + ", does not fit the values (" +
                        misfit + "); move both files, " + control_name + " and " + journal_name +
                        " away to adopt the values as they are");
}

/// Of a dataset whose marker is gone, its other files are still worth something: what a writer that died has left half
/// done is mended, and what stands in journals only is handed down.
void take_over_left(Env& env, const std::shared_ptr<Directory>& directory, const Marker& marker) {
  if (!is_control_whole(*directory)) {
    // Of no boot, so that all is recovered; if there was one, with it goes whether a sync had failed.
    const bool is_damaged = directory->info(control_name).has_value();
    replace_whole(*directory, control_name, staged_control_name, Control::initial(Boots{}, {}, is_damaged));
  }
  const BootWitness witness(env);
  FilesParts parts(directory, marker, false, {.file_size = env.file_size_limit()});
  FilesWriter writer(parts, witness, env.file_size_limit());
  const Control::Header header = parts.control.load();
  ControlWords words = needs_recovery(header, witness) ? recover(parts, witness) : header.words;
  if (words.buffered || has_open_buffer_journal(*directory)) {
    const std::vector<std::string> misfits = check_buffer_journal(parts);
    if (!misfits.empty()) throw_misfit(*directory, misfits.front());
    (void)replay_buffer_journal(parts, writer, words, Misfit::refuse);
  }
  const Stats counted = count_values(*directory);
  words.keys = counted.keys;
  words.bytes = counted.bytes;
  words.buffered = false;
  words.destroyed = false;
  ++words.commits;
  ++words.removals;
  parts.control.set_words(words);
  parts.control.set_home(directory->info("")->inode);
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

/// Nobody is to remove what is adopted: a temporary dataset goes when its owner does.
void refuse_to_adopt_temporary(Directory& directory) {
  if (!directory.info(owner_name) || directory.lock(owner_name)->try_exclusive()) return;
  throw LockedError("cannot adopt " + quoted(directory.path()) +
                    ": it is a temporary dataset of a process that lives; let that end, or copy the directory");
}

/// What goes on with the dataset stays, and the rest is of processes that are gone.
void remove_left_files(Directory& directory) {
  for (const OwnName& own : own_names()) {
    if (own.adopted == OwnName::Adopted::removed) remove_if_there(directory, own.name);
  }
}

/// As who opens a dataset is refused, whatever its lock says.
void refuse_living_owner(Directory& directory) {
  try {
    refuse_living_owner(directory, Control(directory, true).load_owner());
  } catch (const CorruptionError&) {
    // Without a control file nobody has the dataset for himself.
  }
}

void adopt(Env& env, const std::string& path, const CreateOptions& options) {
  const std::shared_ptr<Directory> directory = env.try_open_directory(path);
  if (!directory) throw NotFoundError("cannot adopt " + quoted(path) + ": there is no such directory");
  if (directory->info(marker_name)) throw ExistsError("cannot adopt " + quoted(path) + ": it is a dataset already");
  refuse_unreachable_locks(*directory, options.trusted_file_systems);
  refuse_to_adopt_linked(*directory);
  refuse_to_adopt_foreign(*directory);
  refuse_to_adopt_otherwise_encoded(*directory, options.codec);
  // partd leaves a lock file of the same name behind, which serves.
  if (!directory->info(lock_name)) write_new(*directory, lock_name, "");
  refuse_case_folding(*directory);
  const std::shared_ptr<DatasetLock> lock = directory->lock(lock_name);
  const DatasetLock::Guard guard = lock->exclusive(OpenOptions{}.lock_timeout);
  refuse_living_owner(*directory);
  refuse_to_adopt_temporary(*directory);
  remove_left_files(*directory);
  const Marker marker = new_marker(false, options.codec);
  take_over_left(env, directory, marker);
  write_new(*directory, staged_marker_name, encode_marker(marker));
  directory->rename(staged_marker_name, marker_name);
  sync_names_of_new(*directory, *directory);
}

void refuse_to_destroy_foreign(const Directory& directory) {
  const auto refuse = [&](const std::string& name) {
    throw InvalidArgumentError("cannot destroy " + quoted(directory.path()) + ": " + quoted(name) +
                               " in it is not the dataset's; move it away. Nothing was removed");
  };
  scan_values(directory, [&](const ScannedName& found) {
    if (!found.key) refuse(found.name);
  });
  for (const std::string& name : foreign_dot_names(directory)) refuse(name);
}

/// nullptr where it may not be read, which says nothing of whether names may be removed.
std::unique_ptr<Directory> try_open_to_look(Env& env, const std::string& path) {
  try {
    return env.try_open_directory(path);
  } catch (const IoError&) {
    return nullptr;
  }
}

/// A dataset of which a part could not be removed would be one no more, and not gone either.
void check_destroyable(Env& env, const std::string& path, const Directory& directory) {
  const std::string whole_path = without_trailing_slashes(path);
  if (name_of(whole_path) == "." || name_of(whole_path) == "..") {
    throw InvalidArgumentError("cannot destroy " + quoted(path) +
                               ": its last component is no name; give its path. Nothing was removed");
  }
  try {
    check_values_removable(directory);
    for (const DirectoryEntry& entry : directory.entries("")) {
      if (find_own_name(entry.name)) directory.check_removable(entry.name);
    }
    if (const auto parent = try_open_to_look(env, parent_of(whole_path))) {
      parent->check_entries_removable("");
      parent->check_removable(name_of(whole_path));
    }
  } catch (const IoError& error) {
    throw IoError("cannot destroy " + quoted(path) + ": " + error.what() +
                      ". Nothing was removed; 'accrete drop' empties a dataset and leaves its directory",
                  error.code());
  }
}

/// Tells those who wait for the lock that the dataset is gone.
void mark_destroyed(Directory& directory) {
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

}  // namespace

void create_files(Env& env, const std::string& path, const CreateOptions& options) {
  if (options.adopt) {
    adopt(env, path, options);
  } else {
    (void)create_whole(env, path, false, options);
  }
}

std::shared_ptr<DatasetLock> create_temporary_files(Env& env, const std::string& path) {
  return create_whole(env, path, true, {});
}

void destroy_files(Env& env, const std::string& path) {
  // With a slash at its end, the path of a link means what that points to.
  const std::optional<FileInfo> info = env.info(without_trailing_slashes(path));
  if (!info) throw NotFoundError("cannot destroy " + quoted(path) + ": there is no such dataset");
  if (info->type == FileType::symlink) {
    throw InvalidArgumentError("cannot destroy " + quoted(path) +
                               ": it is a symbolic link; name the dataset that it points to. Nothing was removed");
  }
  std::unique_ptr<Directory> directory = open_dataset_directory(env, path);
  (void)load_marker(*directory);
  refuse_unreachable_locks(*directory);
  // What it shares with the original, the lock and the control file, it leaves alone.
  const bool is_copy = is_linked_copy(*directory);
  std::shared_ptr<DatasetLock> lock;
  DatasetLock::Guard guard;
  if (!is_copy && directory->info(lock_name)) {
    lock = directory->lock(lock_name);
    guard = lock->exclusive(OpenOptions{}.lock_timeout);
  }
  if (!is_copy) refuse_living_owner(*directory);
  refuse_to_destroy_foreign(*directory);
  check_destroyable(env, path, *directory);
  if (!is_copy) mark_destroyed(*directory);
  bool any_removed = false;
  remove_all_values(*directory, any_removed);
  for (const OwnName& own : own_names()) {
    if (own.destroyed == OwnName::Destroyed::at_once) remove_if_there(*directory, own.name);
  }
  // Until it is renamed, an interrupted destroy can be called again; from then on `sweep` completes it.
  const std::string whole_path = without_trailing_slashes(path);
  const std::string leaving = staging_path(parent_of(whole_path));
  if (!env.try_rename_directory(whole_path, leaving)) throw_io_error("rename", whole_path, EEXIST);
  // Power loss must not bring the name back without the marker.
  if (const auto parent = try_open_to_look(env, parent_of(whole_path))) parent->sync();
  clear_staging(*directory);
  directory.reset();
  guard.release();
  lock.reset();
  remove_staging(env, leaving);
}

}  // namespace accrete
