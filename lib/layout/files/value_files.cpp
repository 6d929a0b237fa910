#include "layout/files/value_files.hpp"

#include <accrete/error.hpp>
#include <cerrno>

#include "base/escape.hpp"
#include "base/key_name.hpp"
#include "dataset/replace_file.hpp"
#include "layout/files/linked_files.hpp"

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

void find_empty_below(const Directory& directory, const std::string& parent, std::vector<std::string>& found) {
  const std::vector<DirectoryEntry> entries = directory.entries(parent);
  if (entries.empty() && !parent.empty()) found.push_back(parent);
  for (const DirectoryEntry& entry : entries) {
    const bool is_own = parent.empty() && entry.name.starts_with('.');
    if (is_own || !is_directory_of_long_keys(entry)) continue;
    find_empty_below(directory, (parent.empty() ? "" : parent + "/") + entry.name, found);
  }
}

void check_removable_below(const Directory& directory, const std::string& parent) {
  directory.check_entries_removable(parent);
  const std::string prefix = parent.empty() ? "" : parent + "/";
  for (const DirectoryEntry& entry : directory.entries(parent)) {
    if (parent.empty() && entry.name.starts_with('.')) continue;
    const std::string name = prefix + entry.name;
    const bool is_parent = is_directory_of_long_keys(entry);
    if (is_parent) check_removable_below(directory, name);
    if (is_parent || (entry.type == FileType::regular && name_to_key(name))) directory.check_removable(name);
  }
}

void remove_below(Directory& directory, const std::string& parent, bool& any_removed) {
  const std::string prefix = parent.empty() ? "" : parent + "/";
  for (const DirectoryEntry& entry : directory.entries(parent)) {
    if (parent.empty() && entry.name.starts_with('.')) continue;
    const std::string name = prefix + entry.name;
    if (is_directory_of_long_keys(entry)) {
      remove_below(directory, name, any_removed);
      (void)directory.try_remove_directory(name);
    } else if (entry.type == FileType::regular && name_to_key(name)) {
      directory.remove(name);
      any_removed = true;
    }
  }
}

}  // namespace

void ValueFiles::plan(std::span<ValueGroup> groups) {
  planned_shrinks_ = shrinks_;
  const bool fits = cache_.make_room(groups.size());
  for (ValueGroup& group : groups) {
    DescriptorCache::Value* value = fits ? find_or_open(group.key) : cache_.find(group.key);
    if (value) {
      if (value->epoch != epoch_) {
        const FileInfo info = value->file->info();
        value->size = info.size;
        value->is_linked = info.links > 1;
        value->epoch = epoch_;
      }
      group.old_size = value->size;
      group.is_linked = value->is_linked;
      if (fits) group.value = value;
    } else if (!fits) {
      const std::optional<FileInfo> found = info(group.key);
      if (!found) continue;
      group.old_size = found->size;
      group.is_linked = found->links > 1;
    }
  }
}

void ValueFiles::append(ValueGroup& group, std::span<const std::string_view> pieces) {
  const bool still_cached = group.value && shrinks_ == planned_shrinks_;
  DescriptorCache::Value& value = still_cached ? *group.value : find_or_create(group);
  value.epoch = 0;  // until the bytes are there
  value.file->append(pieces);
  value.size = group.old_size.value_or(0) + group.bytes;
  value.epoch = epoch_;
}

void ValueFiles::break_link(ValueGroup& group) {
  group.value = nullptr;
  cache_.remove(group.key);
  replace_by_copy(directory_, key_to_name(group.key));
  group.is_linked = false;
}

std::optional<std::uint64_t> ValueFiles::size(std::string_view key) const {
  const std::optional<FileInfo> found = info(key);
  return found ? std::optional(found->size) : std::nullopt;
}

std::optional<FileInfo> ValueFiles::info(std::string_view key) const {
  const std::string name = key_to_name(key);
  const std::optional<FileInfo> info = directory_.info(name);
  if (!info) return std::nullopt;
  if (info->type != FileType::regular) {
    throw CorruptionError("the value of key " + quoted(key) + ", " + quoted(directory_.path() + "/" + name) +
                          ", is not a regular file; it was not followed");
  }
  return info;
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
  const std::string name = key_to_name(key);
  const std::optional<FileInfo> found = info(key);
  if (found && found->size > *old_size) open_own(name)->truncate(*old_size);
}

/// To write to: of a file with another name besides, a copy takes its place.
std::shared_ptr<File> ValueFiles::open_own(const std::string& name) {
  std::shared_ptr<File> file = try_open(name, OpenMode::write);
  if (!file || file->info().links <= 1) return file;
  file.reset();
  replace_by_copy(directory_, name);
  return try_open(name, OpenMode::write);
}

void check_replayed_size(std::string_view key, std::uint64_t size, std::uint64_t offset) {
  if (size >= offset) return;
  throw CorruptionError("the value of key " + quoted(key) + " has " + std::to_string(size) +
                        " bytes where the journal goes on at " + std::to_string(offset) +
                        ": bytes that were synced are missing");
}

void ValueFiles::restore(std::string_view key, std::uint64_t offset, std::string_view bytes) {
  cache_.remove(key);
  const std::string name = key_to_name(key);
  std::shared_ptr<File> file = open_own(name);
  if (!file) file = create(name, OpenMode::create);
  check_replayed_size(key, file->size(), offset);
  file->write_at(offset, bytes);
}

bool ValueFiles::remove(std::string_view key) {
  cache_.remove(key);
  const std::string name = key_to_name(key);
  const bool is_there = directory_.info(name).has_value();
  if (is_there) directory_.remove(name);
  remove_empty_parents(name);  // also those that were made for a file that could not be
  return is_there;
}

DescriptorCache::Value* ValueFiles::find_or_open(std::string_view key) {
  if (DescriptorCache::Value* value = cache_.find(key)) return value;
  std::shared_ptr<File> file = try_open(key_to_name(key), OpenMode::append);
  return file ? &cache_.add(key, std::move(file)) : nullptr;
}

DescriptorCache::Value& ValueFiles::find_or_create(const ValueGroup& group) {
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

void ValueFiles::remove_empty_parents(const std::string& name) {
  std::string parent = name;
  for (std::size_t slash = parent.rfind('/'); slash != std::string::npos; slash = parent.rfind('/')) {
    parent.resize(slash);
    if (directory_.info(parent) && !directory_.try_remove_directory(parent)) return;
  }
}

void scan_values(const Directory& directory, const std::function<void(ScannedName&&)>& visit) {
  scan_below(directory, "", visit);
}

std::vector<KeySize> list_values(
    const Directory& directory, const ListOptions& options,
    const std::function<std::optional<std::uint64_t>(std::string_view key, std::uint64_t size)>& visible_size) {
  const auto is_wanted = [&](const std::string& key) {
    return key.starts_with(options.prefix) && (!options.after || key > *options.after) &&
           visible_size(key, 0).has_value();
  };
  std::vector<std::pair<std::string, std::string>> found;  // key, name
  scan_values(directory, [&](ScannedName&& scanned) {
    if (scanned.key && is_wanted(*scanned.key)) found.emplace_back(*std::move(scanned.key), std::move(scanned.name));
  });
  const std::size_t count = std::min(found.size(), options.limit.value_or(found.size()));
  const auto middle = found.begin() + static_cast<std::ptrdiff_t>(count);
  if (count < found.size()) std::nth_element(found.begin(), middle, found.end());
  std::sort(found.begin(), middle);
  std::vector<KeySize> list;
  list.reserve(count);
  for (auto& [key, name] : std::span{found}.first(count)) {
    const std::optional<FileInfo> info = directory.info(name);
    if (!info) continue;
    const std::uint64_t size = *visible_size(key, info->size);
    list.push_back({.key = std::move(key), .size = size});
  }
  return list;
}

std::vector<std::string> empty_directories(const Directory& directory) {
  std::vector<std::string> found;
  find_empty_below(directory, "", found);
  return found;
}

void remove_empty_directories_of(Directory& directory, const std::string& name) {
  std::string parent = name;
  while (directory.try_remove_directory(parent)) {
    const std::size_t slash = parent.rfind('/');
    if (slash == std::string::npos) return;
    parent.resize(slash);
  }
}

void check_values_removable(const Directory& directory) { check_removable_below(directory, ""); }

void check_value_removable(const Directory& directory, std::string_view key) {
  const std::string name = key_to_name(key);
  directory.check_removable(name);
  for (std::size_t end = name.rfind('/'); end != std::string::npos; end = name.rfind('/', end - 1)) {
    directory.check_entries_removable(name.substr(0, end));
  }
  directory.check_entries_removable("");
}

void remove_all_values(Directory& directory, bool& any_removed) { remove_below(directory, "", any_removed); }

}  // namespace accrete
