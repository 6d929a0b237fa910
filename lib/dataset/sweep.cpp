#include "dataset/sweep.hpp"

#include <algorithm>

#include "base/escape.hpp"
#include "dataset/destroy.hpp"
#include "dataset/directory.hpp"
#include "dataset/names.hpp"
#include "dataset/staging.hpp"

namespace accrete {
namespace {

/// A staging directory is locked by its maker. Without a lock file it is empty: just begun, and then its maker begins
/// again, or left over.
bool try_sweep_staging(Env& env, const std::string& path, Directory& directory, Layouts layouts) {
  if (!directory.info(lock_name)) {
    if (!directory.entries("").empty()) return false;
    env.remove_directory(path);
    return true;
  }
  {
    const std::shared_ptr<DatasetLock> lock = directory.lock(lock_name);
    const DatasetLock::Guard guard = lock->try_exclusive();
    if (!guard) return false;
    if (has_whole_marker(directory)) layout_of(load_marker(directory), directory, layouts).remove_values(directory);
    clear_staging(directory);
    directory.remove(lock_name);  // now: a maker that gets the lock next sees that it is gone, and begins anew
  }
  remove_staging(env, path);
  return true;
}

/// A temporary dataset appears with its owner file locked, so a free one, or none, means that its owner is dead.
bool try_sweep_temporary(Env& env, const std::string& path, Directory& directory, Layouts layouts) {
  if (!directory.info(marker_name) || !load_marker(directory).temporary) return false;
  if (directory.info(owner_name) && !directory.lock(owner_name)->try_exclusive()) return false;
  destroy_dataset(env, path, layouts);
  return true;
}

[[noreturn]] void throw_left_over(const std::string& dir, const std::vector<std::string>& failures) {
  std::string message = "cannot sweep all of " + quoted(dir) + "; the rest is swept: ";
  for (const std::string& failure : failures) message += (&failure == failures.data() ? "" : "; ") + failure;
  throw Error(message);
}

}  // namespace

std::vector<std::string> sweep_datasets(Env& env, const std::string& dir, Layouts layouts) {
  const std::unique_ptr<Directory> directory = env.try_open_directory(dir);
  if (!directory) throw NotFoundError("cannot sweep " + quoted(dir) + ": there is no such directory");
  std::vector<std::string> removed;
  std::vector<std::string> failures;
  for (const DirectoryEntry& entry : directory->entries("")) {
    if (entry.type != FileType::directory) continue;
    const std::string path = dir + "/" + entry.name;
    try {
      const std::unique_ptr<Directory> found = env.try_open_directory(path);
      if (!found) continue;
      const bool swept = entry.name.starts_with(staging_prefix) ? try_sweep_staging(env, path, *found, layouts)
                                                                : try_sweep_temporary(env, path, *found, layouts);
      if (swept) removed.push_back(path);
    } catch (const CorruptionError&) {
      continue;  // not known to be temporary
    } catch (const UnsupportedError&) {
      continue;
    } catch (const Error& error) {
      if (!env.info(path)) continue;  // another sweep, or its owner, was faster
      const bool is_ours = entry.name.starts_with(staging_prefix) || entry.name.starts_with(temporary_prefix);
      if (is_ours) failures.emplace_back(error.what());  // otherwise it is nothing that a sweep is for
    }
  }
  if (!failures.empty()) throw_left_over(dir, failures);
  std::sort(removed.begin(), removed.end());
  return removed;
}

}  // namespace accrete
