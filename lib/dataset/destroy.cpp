#include "dataset/destroy.hpp"

#include <cerrno>
#include <utility>
#include <vector>

#include "base/escape.hpp"
#include "base/path.hpp"
#include "base/throw_io_error.hpp"
#include "dataset/directory.hpp"
#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "dataset/staging.hpp"

namespace accrete {
namespace {

void refuse_link(const Env& env, const std::string& path) {
  // With a slash at its end, the path of a link means what that points to.
  const std::optional<FileInfo> info = env.info(without_trailing_slashes(path));
  if (!info) throw NotFoundError("cannot destroy " + quoted(path) + ": there is no such dataset");
  if (info->type != FileType::symlink) return;
  throw InvalidArgumentError("cannot destroy " + quoted(path) +
                             ": it is a symbolic link; name the dataset that it points to. Nothing was removed");
}

void refuse_foreign(const Directory& directory, const Layout& layout) {
  std::vector<std::string> foreign = foreign_dot_names(directory);
  if (std::optional<std::string> found = layout.find_foreign(directory)) foreign.push_back(*std::move(found));
  if (foreign.empty()) return;
  throw InvalidArgumentError("cannot destroy " + quoted(directory.path()) + ": " + quoted(foreign.front()) +
                             " in it is not the dataset's; move it away. Nothing was removed");
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
void check_destroyable(Env& env, const std::string& path, const Directory& directory, const Layout& layout) {
  const std::string whole_path = without_trailing_slashes(path);
  if (name_of(whole_path) == "." || name_of(whole_path) == "..") {
    throw InvalidArgumentError("cannot destroy " + quoted(path) +
                               ": its last component is no name; give its path. Nothing was removed");
  }
  try {
    layout.check_removable(directory);
    directory.check_entries_removable("");
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

}  // namespace

void destroy_dataset(Env& env, const std::string& path, Layouts layouts) {
  refuse_link(env, path);
  std::unique_ptr<Directory> directory = open_dataset_directory(env, path);
  const Marker marker = load_marker(*directory);
  const Layout& layout = layout_of(marker, *directory, layouts);
  refuse_unreachable_locks(*directory);
  // What it shares with the original, the lock and the control file, it leaves alone.
  const bool is_copy = layout.describe_if_linked_copy(*directory).has_value();
  std::shared_ptr<DatasetLock> lock;
  DatasetLock::Guard guard;
  if (!is_copy && directory->info(lock_name)) {
    lock = directory->lock(lock_name);
    guard = lock->exclusive(OpenOptions{}.lock_timeout);
  }
  if (!is_copy) refuse_living_owner(layout, *directory);
  refuse_foreign(*directory, layout);
  check_destroyable(env, path, *directory, layout);
  if (!is_copy) layout.mark_destroyed(*directory);
  layout.remove_values(*directory);
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
