#include "support/fault_env.hpp"

#include "base/throw_io_error.hpp"
#include "os/dataset_lock.hpp"
#include "os/shared_bytes.hpp"
#include "os/system.hpp"

namespace accrete::test {
namespace {

/// The kernel copies a word of this size into a page at once, so it is written or it is not.
constexpr std::size_t word_size = 8;

std::string_view first_half(std::string_view bytes) {
  return bytes.size() <= word_size ? std::string_view() : bytes.substr(0, bytes.size() / 2);
}

class FaultFile final : public File {
 public:
  FaultFile(const FaultEnv& env, std::unique_ptr<File> next, std::string name)
      : env_(env), next_(std::move(next)), name_(std::move(name)) {}

  FileInfo info() const override {
    env_.pass("look at", name_);
    return next_->info();
  }
  std::size_t read_at(std::uint64_t offset, std::span<char> to) const override {
    env_.pass("read", name_);
    return next_->read_at(offset, to);
  }
  void append(std::span<const std::string_view> pieces) override {
    env_.need_room("append to", name_);
    env_.pass_write("append to", name_, [&] {
      std::string all;
      for (const std::string_view piece : pieces) all += piece;
      const std::string_view half = first_half(all);
      next_->append({&half, 1});
    });
    next_->append(pieces);
  }
  void write_at(std::uint64_t offset, std::string_view bytes) override {
    env_.pass_write("write to", name_, [&] { next_->write_at(offset, first_half(bytes)); });
    next_->write_at(offset, bytes);
  }
  void truncate(std::uint64_t size) override {
    env_.pass_change("truncate", name_);
    next_->truncate(size);
    env_.give_back(name_, size);
  }
  void allocate(const ByteRange& range) override {
    env_.pass_change("allocate the blocks of", name_);
    env_.allocate(name_, range.offset + range.size);
    next_->allocate(range);
  }
  void set_rights(const FileRights& rights) override {
    env_.pass_change("change the rights of", name_);
    next_->set_rights(rights);
  }
  void sync() override {
    env_.pass_sync("sync", name_, *next_);
    if (env_.syncs()) next_->sync();
  }

 private:
  const FaultEnv& env_;
  std::unique_ptr<File> next_;
  std::string name_;
};

class FaultDirectory final : public Directory {
 public:
  FaultDirectory(const FaultEnv& env, std::unique_ptr<Directory> next) : env_(env), next_(std::move(next)) {}

  const std::string& path() const noexcept override { return next_->path(); }
  std::unique_ptr<File> open(const std::string& name, OpenMode mode) override {
    const bool makes = mode == OpenMode::create || mode == OpenMode::create_append;
    if (makes) env_.need_room("open", name);
    makes ? env_.pass_change("open", name) : env_.pass("open", name);
    return std::make_unique<FaultFile>(env_, next_->open(name, mode), name);
  }
  std::unique_ptr<File> try_open(const std::string& name, OpenMode mode) override {
    env_.pass("open", name);
    std::unique_ptr<File> file = next_->try_open(name, mode);
    if (!file) return nullptr;
    return std::make_unique<FaultFile>(env_, std::move(file), name);
  }
  std::optional<FileInfo> info(const std::string& name) const override {
    env_.pass("look at", name);
    return next_->info(name);
  }
  std::vector<DirectoryEntry> entries(const std::string& name) const override {
    env_.pass("list", name);
    return next_->entries(name);
  }
  void make_directory(const std::string& name) override {
    env_.pass_change("make the directory", name);
    next_->make_directory(name);
  }
  void remove(const std::string& name) override {
    env_.pass_change("remove", name);
    next_->remove(name);
  }
  void check_entries_removable(const std::string& name) const override {
    env_.pass("look at", name);
    next_->check_entries_removable(name);
  }
  void check_removable(const std::string& name) const override {
    env_.pass("look at", name);
    next_->check_removable(name);
  }
  bool try_remove_directory(const std::string& name) override {
    env_.pass_change("remove the directory", name);
    return next_->try_remove_directory(name);
  }
  void rename(const std::string& from, const std::string& to) override {
    env_.pass_change("rename", from);
    next_->rename(from, to);
  }
  void sync() override {
    env_.pass_sync("sync the directory", path(), *next_);
    if (env_.syncs()) next_->sync();
  }
  void sync_file_system() override {
    env_.pass_sync("sync the file system of", path(), *next_);
    if (env_.syncs()) next_->sync_file_system();
  }
  std::shared_ptr<DatasetLock> lock(const std::string& name) override {
    env_.pass("open the lock", name);
    return env_.locks_reach() ? next_->lock(name) : lock_for(env_.own_lock());
  }
  bool is_locked_by(const std::string& name, const Process& process) const override {
    env_.pass("look for the holder of", name);
    return next_->is_locked_by(name, process);
  }
  FileSystem file_system() const override {
    env_.pass("look at the file system of", path());
    return env_.file_system().value_or(next_->file_system());
  }
  std::unique_ptr<SharedBytes> share(const std::string& name, const ByteRange& range, bool read_only) override {
    return written_bytes(open(name, read_only ? OpenMode::read : OpenMode::write), range.offset);
  }

 private:
  const FaultEnv& env_;
  std::unique_ptr<Directory> next_;
};

}  // namespace

void FaultEnv::fail_at(std::uint64_t n, const Fault& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  fired_ = false;
  sync_failed_ = false;
  left_ = n;
}

void FaultEnv::heal() {
  const std::lock_guard lock(mutex_);
  left_ = 0;
}

std::unique_ptr<Directory> FaultEnv::try_open_directory(const std::string& path) {
  pass("open the directory", path);
  std::unique_ptr<Directory> directory = next_.try_open_directory(path);
  if (!directory) return nullptr;
  return std::make_unique<FaultDirectory>(*this, std::move(directory));
}

std::optional<FileInfo> FaultEnv::info(const std::string& path) const {
  pass("look at", path);
  return next_.info(path);
}

void FaultEnv::make_directory(const std::string& path) {
  pass_change("make the directory", path);
  next_.make_directory(path);
}

bool FaultEnv::try_rename_directory(const std::string& from, const std::string& to) {
  pass_change("rename", from);
  return next_.try_rename_directory(from, to);
}

void FaultEnv::remove_directory(const std::string& path) {
  pass_change("remove the directory", path);
  next_.remove_directory(path);
}

void FaultEnv::reboot() {
  constexpr std::int64_t minute = 60'000'000'000;
  Boot next = boot();
  next.epoch += static_cast<std::int64_t>(next.uptime) + minute;
  next.uptime = minute;
  next.id = random_uuid();
  boot_ = next;
}

void FaultEnv::need_room(std::string_view action, std::string_view object) const {
  if (is_full_) throw_io_error(action, object, ENOSPC);
}

void FaultEnv::allocate(const std::string& name, std::uint64_t end) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t& allocated = allocated_[name];
  if (end > allocated) need_room("allocate the blocks of", name);
  allocated = std::max(allocated, end);
}

void FaultEnv::give_back(const std::string& name, std::uint64_t size) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t& allocated = allocated_[name];
  allocated = std::min(allocated, size);
}

void FaultEnv::pass(std::string_view action, std::string_view object) const {
  if (const auto fault = take_fault(action, false)) fail(*fault, action, object);
}

void FaultEnv::pass_change(std::string_view action, std::string_view object) const {
  if (const auto fault = take_fault(action, true)) fail(*fault, action, object);
}

std::optional<Fault> FaultEnv::take_fault(std::string_view action, bool changes) const {
  if (left_ == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (left_ == 0 || (fault_.only && *fault_.only != action)) return std::nullopt;
  if (fault_.how == Fault::How::changes_for_good && !changes) return std::nullopt;
  if (left_ > 1) {
    --left_;
    return std::nullopt;
  }
  const bool for_good = fault_.how == Fault::How::for_good || fault_.how == Fault::How::changes_for_good ||
                        fault_.how == Fault::How::short_for_good;
  if (!for_good) left_ = 0;
  return fault_;
}

void FaultEnv::fail(const Fault& fault, std::string_view action, std::string_view object) const {
  fired_ = true;
  throw_io_error(action, object, fault.error);
}

}  // namespace accrete::test
