// Temporary datasets, and the sweep of those whose owner is dead.
#include <algorithm>
#include <utility>

#include "base/escape.hpp"
#include "base/foreign_errors.hpp"
#include "dataset/directory.hpp"
#include "dataset/names.hpp"
#include "dataset/staging.hpp"
#include "layout/files/files_dataset.hpp"
#include "layout/files/files_parts.hpp"
#include "os/private_files.hpp"
#include "os/system.hpp"

namespace accrete {

namespace {

/// How the names of temporary datasets begin.
constexpr std::string_view temporary_prefix = "accrete-";

}  // namespace

class TemporaryDataset::Owner {
 public:
  explicit Owner(std::string url)
      : url_(std::move(url)), process_(process_id()), lock_(create_temporary_files(posix_env(), url_)) {}

  ~Owner() {
    if (process_id() != process_) return;
    lock_.reset();  // it must not be open when it is removed (staging.hpp)
    try {
      if (is_temporary()) destroy_files(posix_env(), url_);
    } catch (const Error&) {
      // `sweep` removes it once this process is gone.
    }
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  /// Somebody may have made another dataset of it.
  [[nodiscard]] bool is_temporary() const { return load_marker(*open_dataset_directory(posix_env(), url_)).temporary; }

  std::string url_;
  std::int64_t process_;
  std::shared_ptr<DatasetLock> lock_;
};

TemporaryDataset::TemporaryDataset(std::unique_ptr<Owner> owner) noexcept : owner_(std::move(owner)) {}
TemporaryDataset::TemporaryDataset(TemporaryDataset&&) noexcept = default;
TemporaryDataset& TemporaryDataset::operator=(TemporaryDataset&&) noexcept = default;
TemporaryDataset::~TemporaryDataset() = default;

const std::string& TemporaryDataset::url() const noexcept { return owner_->url(); }

TemporaryDataset create_temporary(std::string_view dir) {
  return without_foreign_errors("create a temporary dataset", [&] {
    return TemporaryDataset(
        // Absolute, so that it is found to be removed whatever becomes of the current directory.
        std::make_unique<TemporaryDataset::Owner>(absolute_path(std::string(dir)) + "/" +
                                                  std::string(temporary_prefix) + format_uuid(random_uuid())));
  });
}

namespace {

/// A staging directory is locked by its maker. Without a lock file it is empty: just begun, and then its maker begins
/// again, or left over.
bool try_sweep_staging(Env& env, const std::string& path, Directory& directory) {
  if (!directory.info(lock_name)) {
    if (!directory.entries("").empty()) return false;
    env.remove_directory(path);
    return true;
  }
  {
    const std::shared_ptr<DatasetLock> lock = directory.lock(lock_name);
    const DatasetLock::Guard guard = lock->try_exclusive();
    if (!guard) return false;
    clear_staging(directory);
    directory.remove(lock_name);  // now: a maker that gets the lock next sees that it is gone, and begins anew
  }
  remove_staging(env, path);
  return true;
}

/// A temporary dataset appears with its owner file locked, so a free one, or none, means that its owner is dead.
bool try_sweep_temporary(Env& env, const std::string& path, Directory& directory) {
  if (!directory.info(marker_name) || !load_marker(directory).temporary) return false;
  if (directory.info(owner_name) && !directory.lock(owner_name)->try_exclusive()) return false;
  destroy_files(env, path);
  return true;
}

[[noreturn]] void throw_left_over(const std::string& dir, const std::vector<std::string>& failures) {
  std::string message = "cannot sweep all of " + quoted(dir) + "; the rest is swept: ";
  for (const std::string& failure : failures) message += (&failure == failures.data() ? "" : "; ") + failure;
  throw Error(message);
}

}  // namespace

std::vector<std::string> sweep_files(Env& env, const std::string& dir) {
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
      const bool swept = entry.name.starts_with(staging_prefix) ? try_sweep_staging(env, path, *found)
                                                                : try_sweep_temporary(env, path, *found);
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
