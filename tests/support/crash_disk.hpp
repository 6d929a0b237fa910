// What a disk holds for sure and what it may hold, as CrashEnv keeps count of it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/random_bytes.hpp"

namespace accrete::test {

struct CrashInode;
using CrashInodePtr = std::shared_ptr<CrashInode>;
using CrashNames = std::map<std::string, CrashInodePtr>;

/// A file or a directory, whatever its name.
struct CrashInode {
  /// Takes `removed` away and puts `added` there, as one change; either may be empty.
  struct Change {
    std::string removed;
    std::string added;
    CrashInodePtr inode;  // of `added`
  };

  bool is_directory = false;
  std::string synced_bytes{};
  bool is_grown = false;             // by what was written since it was synced, not only by a truncate
  std::set<std::size_t> given_up{};  // pages that a sync has failed to write, and that were not written to since
  std::string last_bytes{};          // of a file without a name
  CrashNames names{};
  CrashNames synced_names{};
  std::vector<Change> changes{};  // from synced_names to names

  void change(Change change);
  void sync_names();
  /// A sync that returns, and one that fails: `current` is what the file holds.
  void sync_bytes(const std::string& current);
  void give_up_bytes(const std::string& current);
  /// `size` bytes at `offset` were written to a file that had `size_before`.
  void write(std::size_t offset, std::size_t size, std::size_t size_before);
};

/// Applies a change, where it makes sense.
void apply_change(CrashNames& names, const CrashInode::Change& change);

/// What a power loss may leave of a file that has `last_bytes` in the page cache.
[[nodiscard]] std::string survivor(Random& random, const CrashInode& file);

/// What a power loss may leave of a directory's names.
[[nodiscard]] CrashNames surviving_names(Random& random, const CrashInode& directory);

}  // namespace accrete::test
