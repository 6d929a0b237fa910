// CrashEnv: an Env over a real directory that can lose power.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "os/env.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {

/// Keeps count of what was synced below `root`: contents by File::sync and SharedBytes::sync, names by Directory::sync,
/// everything by sync_file_system. Files are opened below `root` by paths that begin with it.
class CrashEnv final : public Env {
 public:
  /// All that is below `root` counts as synced.
  CrashEnv(Env& next, std::string root);
  ~CrashEnv() override;

  /// Leaves on the real disk what a power loss could have left, and begins a new boot. No store may be open.
  ///
  /// Of each file: what was last synced, or what is in it now, or for each sector one of both and some size between
  /// both, but for what a truncate has made longer. Of each directory: what was last synced, or the names now, or those
  /// that some of the changes between both make; a rename is one change.
  void lose_power(Random& random);

  std::unique_ptr<Directory> try_open_directory(const std::string& path) override;
  std::optional<FileInfo> info(const std::string& path) const override { return next_.info(path); }
  void make_directory(const std::string& path) override;
  bool try_rename_directory(const std::string& from, const std::string& to) override;
  void remove_directory(const std::string& path) override;
  std::uint64_t file_size_limit() const override { return next_.file_size_limit(); }
  Boot boot() const override;
  std::uint64_t open_files_limit() const override { return next_.open_files_limit(); }

 private:
  class Disk;
  Env& next_;
  std::unique_ptr<Disk> disk_;
  std::uint64_t boot_ = 1;
};

}  // namespace accrete::test
