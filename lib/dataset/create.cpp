#include "dataset/create.hpp"

#include <cerrno>

#include "base/escape.hpp"
#include "base/path.hpp"
#include "base/throw_io_error.hpp"
#include "dataset/directory.hpp"
#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "dataset/staging.hpp"
#include "dataset/sync_or_note.hpp"
#include "os/system.hpp"
#include "os/uuid.hpp"

namespace accrete {
namespace {

Marker new_marker(const Layout& layout, const std::optional<Codec>& codec, bool temporary) {
  return {
      .layout = std::string(layout.name()), .codec = codec, .uuid = format_uuid(random_uuid()), .temporary = temporary};
}

std::string what_is_there(Env& env, const std::string& path, FileType type) {
  if (type != FileType::directory) return "there is a file of that name";
  try {
    if (env.info(path + "/" + marker_name)) return "it is there already";
  } catch (const IoError&) {
    return "there is a directory of that name";
  }
  return "there is a directory of that name, which is no dataset; 'accrete create --adopt' makes one of the files in "
         "it";
}

/// A new dataset is there whether or not this fails: then no later sync of it counts, either.
void sync_new_name(Directory& parent, Directory& dataset, const Layout& layout) {
  sync_or_note(parent, [&] { layout.note_failed_sync(dataset); });
}

/// The dataset is made whole under another name and then renamed, so that nobody ever sees a part of it.
std::shared_ptr<DatasetLock> create_whole(Env& env, const std::string& given_path, bool temporary,
                                          const CreateOptions& options, const Layout& layout) {
  const std::string path = without_trailing_slashes(given_path);
  if (const auto info = env.info(path)) {
    throw ExistsError("cannot create the dataset " + quoted(path) + ": " + what_is_there(env, path, info->type));
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
  layout.initialize(env, directory);
  write_new(directory, marker_name, encode_marker(new_marker(layout, options.codec, temporary)));
  directory.sync();
  if (!staging.try_move_to(path)) {
    layout.remove_values(directory);
    throw ExistsError("cannot create the dataset " + quoted(path) + ": something of that name has just appeared");
  }
  sync_new_name(*parent, directory, layout);
  return owner;
}

void refuse_to_adopt_foreign(const Directory& directory) {
  for (const std::string& name : foreign_dot_names(directory)) {
    throw InvalidKeyError("cannot adopt " + quoted(directory.path()) + ": " + quoted(name) +
                          " begins with a dot, as a dataset's own files do, and is none of them; move it away");
  }
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

}  // namespace

void create_dataset(Env& env, const std::string& path, const CreateOptions& options, const Layout& layout) {
  (void)create_whole(env, path, false, options, layout);
}

std::shared_ptr<DatasetLock> create_temporary_dataset(Env& env, const std::string& path, const Layout& layout) {
  return create_whole(env, path, true, {}, layout);
}

void adopt_dataset(Env& env, const std::string& path, const CreateOptions& options, const Layout& layout,
                   const LayerRecovery& layers) {
  const std::shared_ptr<Directory> directory = env.try_open_directory(path);
  if (!directory) throw NotFoundError("cannot adopt " + quoted(path) + ": there is no such directory");
  if (directory->info(marker_name)) throw ExistsError("cannot adopt " + quoted(path) + ": it is a dataset already");
  refuse_unreachable_locks(*directory, options.trusted_file_systems);
  refuse_to_adopt_foreign(*directory);
  layout.check_adoptable(*directory, options.codec);
  // partd leaves a lock file of the same name behind, which serves.
  if (!directory->info(lock_name)) write_new(*directory, lock_name, "");
  refuse_case_folding(*directory);
  const std::shared_ptr<DatasetLock> lock = directory->lock(lock_name);
  const DatasetLock::Guard guard = lock->exclusive(OpenOptions{}.lock_timeout);
  refuse_living_owner(layout, *directory);
  refuse_to_adopt_temporary(*directory);
  const Marker marker = new_marker(layout, options.codec, false);
  layout.take_over(env, {.directory = directory, .marker = marker, .layers = layers});
  remove_left_files(*directory);
  write_new(*directory, staged_marker_name, encode_marker(marker));
  directory->rename(staged_marker_name, marker_name);
  sync_new_name(*directory, *directory, layout);
}

}  // namespace accrete
