// The raw files that hold the values: one a key, named by key_to_name.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layout/files/batch_plan.hpp"
#include "layout/files/descriptor_cache.hpp"
#include "os/env.hpp"

namespace accrete {

/// Changing calls need the dataset's lock exclusively, the others at least shared.
class ValueFiles {
 public:
  ValueFiles(Directory& directory, std::size_t max_open_files) noexcept
      : directory_(directory), cache_(descriptor_budget(), max_open_files) {}

  /// Others have changed values: sizes must be looked up again.
  void forget_sizes() noexcept { ++epoch_; }
  /// Others have removed files: descriptors must be opened again.
  void forget_files() noexcept { cache_.clear(); }

  /// Fills in `old_size` and `is_linked` of all groups, and `value` where the batch fits the cache.
  void plan(std::span<ValueGroup> groups);

  /// Appends to a planned group's value, which is created if it is new.
  void append(ValueGroup& group, std::span<const std::string_view> pieces);

  /// Gives a planned group's value a file of its own. Others must forget the files that they have open.
  void break_link(ValueGroup& group);

  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key) const;

  /// nullptr for a missing key. `use_cache` must be false when others may have removed files.
  [[nodiscard]] std::shared_ptr<File> try_open_to_read(std::string_view key, bool use_cache);

  /// Removes what was appended beyond `old_size`; nullopt removes the value. Does nothing where there is less.
  void take_back(std::string_view key, std::optional<std::uint64_t> old_size);

  /// Writes `bytes` at `offset`, which must not be after the end of the value.
  void restore(std::string_view key, std::uint64_t offset, std::string_view bytes);

  /// False if there was none.
  bool remove(std::string_view key);

  /// By a reader, besides those that are kept open.
  [[nodiscard]] std::size_t max_files_read_at_once() const noexcept {
    return std::max<std::size_t>(cache_.limit() / 4, 1);
  }

 private:
  [[nodiscard]] std::optional<FileInfo> info(std::string_view key) const;
  std::shared_ptr<File> open_own(const std::string& name);
  DescriptorCache::Value* find_or_open(std::string_view key);
  DescriptorCache::Value& find_or_create(const ValueGroup& group);
  std::shared_ptr<File> try_open(const std::string& name, OpenMode mode);
  std::shared_ptr<File> create(const std::string& name, OpenMode mode);
  void make_parents(const std::string& name);
  void remove_empty_parents(const std::string& name);

  Directory& directory_;
  DescriptorCache cache_;
  std::uint64_t epoch_ = 1;    // a cached size is right if it is of this epoch
  std::uint64_t shrinks_ = 0;  // how often descriptors ran short: then pointers into the cache are void
  std::uint64_t planned_shrinks_ = 0;
};

/// What `scan_values` finds: a value (key), or a name that is no key's (no key).
struct ScannedName {
  std::string name;
  std::optional<std::string> key;
  FileType type = FileType::other;
};

/// Visits every name below the dataset's directory but those that begin with a dot at its top, and but the
/// directories of long keys. In no order.
void scan_values(const Directory& directory, const std::function<void(ScannedName&&)>& visit);

/// As Store::list has it, but for what `visible_size` says to be none, or to have another size.
[[nodiscard]] std::vector<KeySize> list_values(
    const Directory& directory, const ListOptions& options,
    const std::function<std::optional<std::uint64_t>(std::string_view key, std::uint64_t size)>& visible_size =
        [](std::string_view, std::uint64_t size) { return size; });

/// The directories of long keys in which there is nothing, left over from keys that could not be made or removed whole.
[[nodiscard]] std::vector<std::string> empty_directories(const Directory& directory);

/// Removes an empty directory of a long key, and those above it that are empty then.
void remove_empty_directories_of(Directory& directory, const std::string& name);

/// Throws IoError if a value, or the directory of a long key, is sure not to be removable. Of a key: only its own.
void check_values_removable(const Directory& directory);
void check_value_removable(const Directory& directory, std::string_view key);

/// Throws CorruptionError if a value of `size` bytes ends before the offset at which the journal goes on.
void check_replayed_size(std::string_view key, std::uint64_t size, std::uint64_t offset);

/// Removes all values and the directories of long keys. `any_removed` tells, also when it throws, whether anything was.
void remove_all_values(Directory& directory, bool& any_removed);

}  // namespace accrete
