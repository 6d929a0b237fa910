#include "store/value_files.hpp"

#include <accrete/error.hpp>
#include <cerrno>

#include "base/escape.hpp"
#include "base/key_name.hpp"

namespace accrete {
namespace {

bool is_out_of_descriptors(const IoError& error) {
  return error.code().value() == EMFILE || error.code().value() == ENFILE;
}

bool is_directory_of_long_keys(const DirectoryEntry& entry) {
  return entry.type == FileType::directory && entry.name.ends_with('%');
}

void scan_below(const Directory& directory, const std::string& parent,
                const std::function<void(ScannedName&&)>& visit) {
  const std::string prefix = parent.empty() ? "" : parent + "/";
  for (DirectoryEntry& entry : directory.entries(parent)) {
    if (parent.empty() && entry.name.starts_with('.')) continue;
    std::string name = prefix + entry.name;
    if (is_directory_of_long_keys(entry)) {
      scan_below(directory, name, visit);
      continue;
    }
    std::optional<std::string> key = entry.type == FileType::regular ? name_to_key(name) : std::nullopt;
    visit({.name = std::move(name), .key = std::move(key), .type = entry.type});
  }
}

void remove_below(Directory& directory, const std::string& parent) {
  const std::string prefix = parent.empty() ? "" : parent + "/";
  for (const DirectoryEntry& entry : directory.entries(parent)) {
    if (parent.empty() && entry.name.starts_with('.')) continue;
    const std::string name = prefix + entry.name;
    if (is_directory_of_long_keys(entry)) {
      remove_below(directory, name);
      (void)directory.try_remove_directory(name);
    } else if (entry.type == FileType::regular && name_to_key(name)) {
      directory.remove(name);
    }
  }
}

}  // namespace

void ValueFiles::plan(std::span<BatchPlan::Group> groups) {
  planned_shrinks_ = shrinks_;
  const bool fits = cache_.make_room(groups.size());
  for (BatchPlan::Group& group : groups) {
    DescriptorCache::Value* value = fits ? find_or_open(group.key) : cache_.find(group.key);
    if (value) {
      if (value->epoch != epoch_) {
        value->size = value->file->size();
        value->epoch = epoch_;
      }
      group.old_size = value->size;
      if (fits) group.value = value;
    } else if (!fits) {
      group.old_size = size(group.key);
    }
  }
}

void ValueFiles::append(BatchPlan::Group& group, std::span<const std::string_view> pieces) {
  const bool still_cached = group.value && shrinks_ == planned_shrinks_;
  DescriptorCache::Value& value = still_cached ? *group.value : find_or_create(group);
  value.epoch = 0;  // until the bytes are there
  value.file->append(pieces);
  value.size = group.old_size.value_or(0) + group.bytes;
  value.epoch = epoch_;
}

std::optional<std::uint64_t> ValueFiles::size(std::string_view key) const {
  const std::string name = key_to_name(key);
  const std::optional<FileInfo> info = directory_.info(name);
  if (!info) return std::nullopt;
  if (info->type != FileType::regular) {
    throw CorruptionError("the value of key " + quoted(key) + ", " + quoted(directory_.path() + "/" + name) +
                          ", is not a regular file; it was not followed");
  }
  return info->size;
}

std::shared_ptr<File> ValueFiles::try_open_to_read(std::string_view key, bool use_cache) {
  if (use_cache) {
    if (std::shared_ptr<File> file = cache_.peek(key)) return file;
  }
  return try_open(key_to_name(key), OpenMode::read);
}

void ValueFiles::take_back(std::string_view key, std::optional<std::uint64_t> old_size) {
  cache_.remove(key);
  if (!old_size) {
    remove(key);
    return;
  }
  const std::shared_ptr<File> file = try_open(key_to_name(key), OpenMode::write);
  if (file && file->size() > *old_size) file->truncate(*old_size);
}

void ValueFiles::restore(std::string_view key, std::uint64_t offset, std::string_view bytes) {
  cache_.remove(key);
  const std::string name = key_to_name(key);
  std::shared_ptr<File> file = try_open(name, OpenMode::write);
  if (!file) file = create(name, OpenMode::create);
  const std::uint64_t size = file->size();
  if (size < offset) {
    throw CorruptionError("the value of key " + quoted(key) + " has " + std::to_string(size) +
                          " bytes where the journal goes on at " + std::to_string(offset) +
                          ": bytes that were synced are missing");
  }
  file->write_at(offset, bytes);
}

bool ValueFiles::remove(std::string_view key) {
  cache_.remove(key);
  const std::string name = key_to_name(key);
  if (!directory_.info(name)) return false;
  directory_.remove(name);
  remove_empty_parents(name);
  return true;
}

DescriptorCache::Value* ValueFiles::find_or_open(std::string_view key) {
  if (DescriptorCache::Value* value = cache_.find(key)) return value;
  std::shared_ptr<File> file = try_open(key_to_name(key), OpenMode::append);
  return file ? &cache_.add(key, std::move(file)) : nullptr;
}

DescriptorCache::Value& ValueFiles::find_or_create(const BatchPlan::Group& group) {
  if (group.old_size) {
    if (DescriptorCache::Value* value = find_or_open(group.key)) return *value;
  }
  return cache_.add(group.key, create(key_to_name(group.key), OpenMode::create_append));
}

std::shared_ptr<File> ValueFiles::try_open(const std::string& name, OpenMode mode) {
  for (;;) {
    try {
      return directory_.try_open(name, mode);
    } catch (const IoError& error) {
      ++shrinks_;
      if (!is_out_of_descriptors(error) || !cache_.shrink()) throw;
    }
  }
}

std::shared_ptr<File> ValueFiles::create(const std::string& name, OpenMode mode) {
  make_parents(name);
  for (;;) {
    try {
      return directory_.open(name, mode);
    } catch (const IoError& error) {
      ++shrinks_;
      if (!is_out_of_descriptors(error) || !cache_.shrink()) throw;
    }
  }
}

void ValueFiles::make_parents(const std::string& name) {
  for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    const std::string parent = name.substr(0, slash);
    if (!directory_.info(parent)) directory_.make_directory(parent);
  }
}

void ValueFiles::remove_empty_parents(const std::string& name) noexcept {
  try {
    std::string parent = name;
    for (std::size_t slash = parent.rfind('/'); slash != std::string::npos; slash = parent.rfind('/')) {
      parent.resize(slash);
      if (!directory_.try_remove_directory(parent)) return;
    }
  } catch (const Error&) {
    // The value is gone, which is what was asked; an empty directory holds no key.
  }
}

void scan_values(const Directory& directory, const std::function<void(ScannedName&&)>& visit) {
  scan_below(directory, "", visit);
}

void remove_all_values(Directory& directory) { remove_below(directory, ""); }

}  // namespace accrete
