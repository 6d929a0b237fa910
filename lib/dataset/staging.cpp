#include "dataset/staging.hpp"

#include <accrete/error.hpp>
#include <chrono>
#include <optional>

#include "base/escape.hpp"
#include "dataset/directory.hpp"
#include "dataset/marker.hpp"
#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "os/system.hpp"
#include "os/uuid.hpp"

namespace accrete {

std::string staging_path(const std::string& parent) {
  return parent + "/" + staging_prefix + format_uuid(random_uuid());
}

Staging::Staging(Env& env, const std::string& parent) : env_(env) {
  while (!try_make(parent)) {
  }
}

bool Staging::try_make(const std::string& parent) {
  path_ = staging_path(parent);
  env_.make_directory(path_);
  try {
    directory_ = env_.try_open_directory(path_);
    if (!directory_) return false;
    directory_->open(lock_name, OpenMode::create)->sync();
    lock_ = directory_->lock(lock_name);
    guard_ = lock_->exclusive(std::chrono::seconds{1});
    return directory_->info(lock_name).has_value();
  } catch (const Error&) {
    close();
    if (!env_.info(path_)) return false;
    try {
      remove_staging(env_, path_);
    } catch (const Error&) {
      // `sweep` will.
    }
    throw;
  }
}

Staging::~Staging() {
  if (moved_) return;
  close();
  try {
    remove_staging(env_, path_);
  } catch (const Error&) {
    // `sweep` will.
  }
}

bool Staging::try_move_to(const std::string& path) {
  moved_ = env_.try_rename_directory(path_, path);
  return moved_;
}

void Staging::close() noexcept {
  guard_.release();
  lock_.reset();
  directory_.reset();
}

void clear_staging(Directory& directory) {
  const bool was_whole = has_whole_marker(directory);
  std::optional<std::string> foreign;
  for (const DirectoryEntry& entry : directory.entries("")) {
    if (entry.name == lock_name || entry.name == marker_name) continue;
    if (was_whole && !find_own_name(entry.name)) {
      foreign = entry.name;
    } else {
      directory.remove(entry.name);
    }
  }
  if (foreign) {
    throw Error("cannot remove " + quoted(directory.path()) + ": " + quoted(*foreign) +
                " in it is not the dataset's; move it away");
  }
  remove_if_there(directory, marker_name);
}

void remove_staging(Env& env, const std::string& path) {
  try {
    {
      const std::unique_ptr<Directory> directory = env.try_open_directory(path);
      if (!directory) return;
      clear_staging(*directory);
      if (directory->info(lock_name)) directory->remove(lock_name);
    }
    env.remove_directory(path);
  } catch (const Error&) {
    if (env.info(path)) throw;  // otherwise a sweep was faster
  }
}

}  // namespace accrete
