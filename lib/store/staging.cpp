#include "store/staging.hpp"

#include <accrete/error.hpp>
#include <chrono>

#include "os/system.hpp"
#include "store/files_parts.hpp"

namespace accrete {

Staging::Staging(Env& env, const std::string& parent)
    : env_(env), path_(parent + "/" + staging_prefix + format_uuid(random_uuid())) {
  env.make_directory(path_);
  try {
    directory_ = env.try_open_directory(path_);
    if (!directory_) throw NotFoundError("the new directory '" + path_ + "' has vanished");
    directory_->open(lock_name, OpenMode::create)->sync();
    lock_ = directory_->lock(lock_name);
    guard_ = lock_->exclusive(std::chrono::seconds{1});
  } catch (...) {
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

void remove_staging(Env& env, const std::string& path) {
  const std::unique_ptr<Directory> directory = env.try_open_directory(path);
  if (!directory) return;
  for (const DirectoryEntry& entry : directory->entries("")) directory->remove(entry.name);
  env.remove_directory(path);
}

}  // namespace accrete
