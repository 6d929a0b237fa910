// FaultEnv: an Env whose n-th operation fails.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "os/env.hpp"

namespace accrete::test {

struct Fault {
  enum class How {
    once,              ///< this operation, and no other
    for_good,          ///< this one and all after it
    changes_for_good,  ///< as `for_good`, but only of those that change a file or a directory, which are counted alone
    short_write,       ///< as `once`, but a write of more than a word has written its first half
    short_for_good,    ///< as `short_write`, and all after it fail and write nothing
    lost_sync          ///< as `once`, but what a sync was to write counts as written from then on, as Linux has it
  };
  How how = How::once;
  int error = EIO;
  /// As errors name it: operations of this kind fail and are counted alone.
  std::optional<std::string_view> only{};
};

/// What a sync of a file or directory below was to write is given up: later syncs do not write it.
class LosesWrites {
 public:
  virtual ~LosesWrites() = default;
  virtual void lose_writes() = 0;
};

/// Counts every operation that could fail, reads and questions included. What processes share is written and read
/// instead of mapped, so that publishing is such an operation too.
class FaultEnv : public Env {
 public:
  /// `counted`: what syncs is an operation that may fail, but the disk is not waited for.
  enum class Syncs { real, counted };
  /// With it, the journal of a dataset is soon full.
  static constexpr std::uint64_t small_file_size = std::uint64_t{8} << 20;
  explicit FaultEnv(Env& next, Syncs syncs = Syncs::real,
                    std::uint64_t file_size_limit = std::numeric_limits<std::uint64_t>::max())
      : next_(next), syncs_(syncs), file_size_limit_(file_size_limit) {}

  /// The n-th operation from now on fails; the first is 1.
  void fail_at(std::uint64_t n, const Fault& fault);
  /// No more faults.
  void heal();
  /// The system has been started anew. No store may be open.
  void reboot();
  /// What the system tells of its start from now on.
  void set_boot(const Boot& boot) { boot_ = boot; }
  /// From now on, directories say that they are on this one.
  void pretend(const FileSystem& file_system) { file_system_ = file_system; }
  /// From now on, locks are of the file `own_lock`, which reach nobody else, as on such a file system.
  void lock_blindly(const std::string& own_lock) { own_lock_ = own_lock; }
  /// The disk has no room for anything that makes a file larger, or for a new one.
  void fill_disk() { is_full_ = true; }
  void empty_disk() { is_full_ = false; }
  /// Whether an operation has failed since `fail_at`.
  [[nodiscard]] bool fired() const noexcept { return fired_; }
  /// Whether that was a sync.
  [[nodiscard]] bool sync_failed() const noexcept { return sync_failed_; }

  std::unique_ptr<Directory> try_open_directory(const std::string& path) override;
  std::optional<FileInfo> info(const std::string& path) const override;
  void make_directory(const std::string& path) override;
  bool try_rename_directory(const std::string& from, const std::string& to) override;
  void remove_directory(const std::string& path) override;
  std::uint64_t file_size_limit() const override { return std::min(next_.file_size_limit(), file_size_limit_); }
  Boot boot() const override { return boot_ ? *boot_ : next_.boot(); }
  std::uint64_t open_files_limit() const override { return next_.open_files_limit(); }

  [[nodiscard]] const std::optional<FileSystem>& file_system() const noexcept { return file_system_; }
  [[nodiscard]] bool locks_reach() const noexcept { return own_lock_.empty(); }
  [[nodiscard]] const std::string& own_lock() const noexcept { return own_lock_; }
  [[nodiscard]] bool syncs() const noexcept { return syncs_ == Syncs::real; }
  /// Throws if the disk is full.
  void need_room(std::string_view action, std::string_view object) const;
  /// As above, unless the file has as much room.
  void allocate(const std::string& name, std::uint64_t end) const;
  /// Room after `size` is given back.
  void give_back(const std::string& name, std::uint64_t size) const;
  /// Counts one operation, and throws if it is the one that fails.
  void pass(std::string_view action, std::string_view object) const;
  /// As above, for an operation that changes something.
  void pass_change(std::string_view action, std::string_view object) const;
  /// As above; a short write calls `write_half` before it throws.
  template <typename WriteHalf>
  void pass_write(std::string_view action, std::string_view object, WriteHalf write_half) const {
    const auto fault = take_fault(action, true);
    if (!fault) return;
    const bool is_short = fault->how == Fault::How::short_write || fault->how == Fault::How::short_for_good;
    if (is_short && !fired_) write_half();
    fail(*fault, action, object);
  }

  /// As above, for what syncs `below`.
  template <typename Below>
  void pass_sync(std::string_view action, std::string_view object, Below& below) const {
    const auto fault = take_fault(action, true);
    if (!fault) return;
    auto* const loses = dynamic_cast<LosesWrites*>(&below);
    if (fault->how == Fault::How::lost_sync && loses) loses->lose_writes();
    sync_failed_ = true;
    fail(*fault, action, object);
  }

 private:
  /// What the operation that is about to be done fails with.
  [[nodiscard]] std::optional<Fault> take_fault(std::string_view action, bool changes) const;
  [[noreturn]] void fail(const Fault& fault, std::string_view action, std::string_view object) const;

  Env& next_;
  Syncs syncs_;
  std::uint64_t file_size_limit_;
  std::optional<Boot> boot_{};  // otherwise that of `next_`
  std::optional<FileSystem> file_system_{};
  std::string own_lock_{};
  std::atomic<bool> is_full_ = false;
  mutable std::mutex mutex_;  // guards all below but what is atomic, for a buffer hands down in a thread of its own
  mutable std::map<std::string, std::uint64_t> allocated_;
  Fault fault_;
  mutable std::atomic<std::uint64_t> left_ = 0;  // operations up to the one that fails; 0: none fails
  mutable std::atomic<bool> fired_ = false;
  mutable std::atomic<bool> sync_failed_ = false;
};

}  // namespace accrete::test
