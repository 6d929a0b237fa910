// Temporary datasets, and the sweep of those whose owner is dead.
#include <algorithm>
#include <utility>

#include "base/escape.hpp"
#include "base/foreign_errors.hpp"
#include "os/system.hpp"
#include "store/files_dataset.hpp"
#include "store/files_parts.hpp"
#include "store/staging.hpp"

namespace accrete {

class TemporaryDataset::Owner {
 public:
  explicit Owner(std::string url)
      : url_(std::move(url)), process_(process_id()), lock_(create_temporary_files(posix_env(), url_)) {}

  ~Owner() {
    if (process_id() != process_) return;
    lock_.reset();  // it must not be open when it is removed (staging.hpp)
    try {
      destroy_files(posix_env(), url_);
    } catch (const Error&) {
      // `sweep` removes it once this process is gone.
    }
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
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
        std::make_unique<TemporaryDataset::Owner>(std::string(dir) + "/accrete-" + format_uuid(random_uuid())));
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

}  // namespace

std::vector<std::string> sweep_files(Env& env, const std::string& dir) {
  const std::unique_ptr<Directory> directory = env.try_open_directory(dir);
  if (!directory) throw NotFoundError("cannot sweep " + quoted(dir) + ": there is no such directory");
  std::vector<std::string> removed;
  for (const DirectoryEntry& entry : directory->entries("")) {
    if (entry.type != FileType::directory) continue;
    const std::string path = dir + "/" + entry.name;
    const std::unique_ptr<Directory> found = env.try_open_directory(path);
    if (!found) continue;
    try {
      const bool swept = entry.name.starts_with(staging_prefix) ? try_sweep_staging(env, path, *found)
                                                                : try_sweep_temporary(env, path, *found);
      if (swept) removed.push_back(path);
    } catch (const CorruptionError&) {
      continue;  // not known to be temporary
    } catch (const UnsupportedError&) {
      continue;
    } catch (const Error&) {
      if (env.info(path)) throw;  // otherwise another sweep, or its owner, was faster
    }
  }
  std::sort(removed.begin(), removed.end());
  return removed;
}

}  // namespace accrete
