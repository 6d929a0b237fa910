#include "support/crash_env.hpp"

#include <filesystem>
#include <mutex>
#include <stdexcept>

#include "base/bytes.hpp"
#include "support/crash_disk.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"

namespace accrete::test {
namespace {

/// A buffer hands down in a thread of its own. One lock for all disks: no more than one is used at a time.
std::unique_lock<std::recursive_mutex> lock_disk() {
  static std::recursive_mutex mutex;
  return std::unique_lock(mutex);
}

std::string read_all(const File& file) {
  std::string bytes(file.size(), '\0');
  bytes.resize(file.read_at(0, bytes));
  return bytes;
}

/// The files below `path` as they are, all of them synced.
CrashInodePtr scan(const std::filesystem::path& path) {
  auto inode = std::make_shared<CrashInode>();
  inode->is_directory = std::filesystem::is_directory(path);
  if (!inode->is_directory) {
    inode->synced_bytes = read_file(path);
    return inode;
  }
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    inode->names[entry.path().filename()] = scan(entry.path());
  }
  inode->sync_names();
  return inode;
}

void sync_all(CrashInode& inode, const std::string& path) {
  if (!inode.is_directory) {
    inode.sync_bytes(read_file(path));
    return;
  }
  for (const auto& [name, child] : inode.names) sync_all(*child, path + "/" + name);
  inode.sync_names();
}

/// Names stay to be written: a file system that cannot write its journal takes no more changes.
void give_up_all(CrashInode& inode, const std::string& path) {
  if (!inode.is_directory) inode.give_up_bytes(read_file(path));
  for (const auto& [name, child] : inode.names) give_up_all(*child, path + "/" + name);
}

/// Keeps the bytes of every file where they can be found without its name.
void save_all(CrashInode& inode, const std::string& path) {
  if (!inode.is_directory) inode.last_bytes = read_file(path);
  for (const auto& [name, child] : inode.names) save_all(*child, path + "/" + name);
}

void restore(Random& random, const CrashInode& directory, const std::string& path) {
  for (const auto& [name, inode] : surviving_names(random, directory)) {
    const std::string child = path + "/" + name;
    if (inode->is_directory) {
      std::filesystem::create_directory(child);
      restore(random, *inode, child);
    } else {
      write_file(child, survivor(random, *inode));
    }
  }
}

class CrashFile final : public File, public LosesWrites {
 public:
  CrashFile(std::unique_ptr<File> next, CrashInodePtr inode) : next_(std::move(next)), inode_(std::move(inode)) {}

  FileInfo info() const override { return next_->info(); }
  std::size_t read_at(std::uint64_t offset, std::span<char> to) const override { return next_->read_at(offset, to); }
  void append(std::span<const std::string_view> pieces) override {
    const auto lock = lock_disk();
    const std::size_t end = next_->size();
    next_->append(pieces);
    inode_->write(end, next_->size() - end, end);
  }
  void write_at(std::uint64_t offset, std::string_view bytes) override {
    const auto lock = lock_disk();
    const std::size_t size = next_->size();
    next_->write_at(offset, bytes);
    inode_->write(offset, bytes.size(), size);
  }
  void truncate(std::uint64_t size) override {
    const auto lock = lock_disk();
    next_->truncate(size);
  }
  void allocate(const ByteRange& range) override { next_->allocate(range); }
  void set_rights(const FileRights& rights) override { next_->set_rights(rights); }
  void sync() override {
    const auto lock = lock_disk();
    inode_->sync_bytes(read_all(*next_));
  }
  void lose_writes() override {
    const auto lock = lock_disk();
    inode_->give_up_bytes(read_all(*next_));
  }

 private:
  std::unique_ptr<File> next_;
  CrashInodePtr inode_;
};

class CrashBytes final : public SharedBytes {
 public:
  CrashBytes(std::unique_ptr<SharedBytes> next, std::unique_ptr<File> file)
      : next_(std::move(next)), file_(std::move(file)) {}

  void read(std::size_t offset, std::span<std::byte> to) const override { next_->read(offset, to); }
  void write(std::size_t offset, std::span<const std::byte> from) override { next_->write(offset, from); }
  void sync() override { file_->sync(); }
  FileInfo info() const override { return next_->info(); }

 private:
  std::unique_ptr<SharedBytes> next_;
  std::unique_ptr<File> file_;
};

}  // namespace

class CrashEnv::Disk {
 public:
  explicit Disk(std::string root) : root_(std::move(root)), top_(scan(root_)) {}

  struct Place {
    CrashInodePtr parent;
    std::string name;
  };

  /// Where the last component of `path`, which begins with the root, has its name.
  [[nodiscard]] Place locate(const std::string& path) const {
    if (!path.starts_with(root_ + "/")) throw std::logic_error(path + " is not below " + root_);
    return locate(top_, path.substr(root_.size() + 1));
  }

  [[nodiscard]] static Place locate(CrashInodePtr from, const std::string& name) {
    std::size_t begin = 0;
    for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', begin)) {
      from = from->names.at(name.substr(begin, slash - begin));
      begin = slash + 1;
    }
    return {from, name.substr(begin)};
  }

  [[nodiscard]] CrashInodePtr directory(const std::string& path) const {
    if (path == root_) return top_;
    const Place at = locate(path);
    return at.parent->names.at(at.name);
  }

  void sync_file_system() {
    const auto lock = lock_disk();
    sync_all(*top_, root_);
  }
  void give_up_file_system() {
    const auto lock = lock_disk();
    give_up_all(*top_, root_);
  }

  void lose_power(Random& random) {
    save_all(*top_, root_);
    for (const auto& entry : std::filesystem::directory_iterator(root_)) std::filesystem::remove_all(entry.path());
    restore(random, *top_, root_);
    top_ = scan(root_);
  }

  class OpenDirectory;

 private:
  std::string root_;
  CrashInodePtr top_;
};

class CrashEnv::Disk::OpenDirectory final : public Directory, public LosesWrites {
 public:
  OpenDirectory(Disk& disk, std::unique_ptr<Directory> next, CrashInodePtr inode)
      : disk_(disk), next_(std::move(next)), inode_(std::move(inode)) {}

  const std::string& path() const noexcept override { return next_->path(); }
  std::unique_ptr<File> open(const std::string& name, OpenMode mode) override {
    const auto lock = lock_disk();
    return track(next_->open(name, mode), name, mode);
  }
  std::unique_ptr<File> try_open(const std::string& name, OpenMode mode) override {
    const auto lock = lock_disk();
    std::unique_ptr<File> file = next_->try_open(name, mode);
    return file ? track(std::move(file), name, mode) : nullptr;
  }
  std::optional<FileInfo> info(const std::string& name) const override { return next_->info(name); }
  std::vector<DirectoryEntry> entries(const std::string& name) const override { return next_->entries(name); }
  void make_directory(const std::string& name) override {
    const auto lock = lock_disk();
    next_->make_directory(name);
    link(name, true);
  }
  void remove(const std::string& name) override {
    const auto lock = lock_disk();
    keep_bytes(name);
    next_->remove(name);
    const Place at = locate(inode_, name);
    at.parent->change({.removed = at.name, .added = {}, .inode = nullptr});
  }
  void check_entries_removable(const std::string& name) const override { next_->check_entries_removable(name); }
  void check_removable(const std::string& name) const override { next_->check_removable(name); }
  bool try_remove_directory(const std::string& name) override {
    const auto lock = lock_disk();
    if (!next_->try_remove_directory(name)) return false;
    const Place at = locate(inode_, name);
    at.parent->change({.removed = at.name, .added = {}, .inode = nullptr});
    return true;
  }
  void rename(const std::string& from, const std::string& to) override {
    const auto lock = lock_disk();
    if (next_->info(to)) keep_bytes(to);
    next_->rename(from, to);
    const Place source = locate(inode_, from);
    const Place target = locate(inode_, to);
    const CrashInodePtr moved = source.parent->names.at(source.name);
    if (source.parent == target.parent) {
      source.parent->change({.removed = source.name, .added = target.name, .inode = moved});
      return;
    }
    target.parent->change({.removed = {}, .added = target.name, .inode = moved});
    source.parent->change({.removed = source.name, .added = {}, .inode = nullptr});
  }
  void sync() override {
    const auto lock = lock_disk();
    inode_->sync_names();
  }
  void sync_file_system() override { disk_.sync_file_system(); }
  void lose_writes() override { disk_.give_up_file_system(); }
  std::shared_ptr<DatasetLock> lock(const std::string& name) override { return next_->lock(name); }
  bool is_locked_by(const std::string& name, const Process& process) const override {
    return next_->is_locked_by(name, process);
  }
  FileSystem file_system() const override { return next_->file_system(); }
  std::unique_ptr<SharedBytes> share(const std::string& name, const ByteRange& range, bool read_only) override {
    return std::make_unique<CrashBytes>(next_->share(name, range, read_only), open(name, OpenMode::read));
  }

 private:
  void link(const std::string& name, bool is_directory) {
    const Place at = locate(inode_, name);
    auto inode = std::make_shared<CrashInode>();
    inode->is_directory = is_directory;
    at.parent->change({.removed = {}, .added = at.name, .inode = std::move(inode)});
  }

  std::unique_ptr<File> track(std::unique_ptr<File> file, const std::string& name, OpenMode mode) {
    if (mode == OpenMode::create || mode == OpenMode::create_append) link(name, false);
    const Place at = locate(inode_, name);
    return std::make_unique<CrashFile>(std::move(file), at.parent->names.at(at.name));
  }

  /// Of a file that loses its name: the disk may show it again.
  void keep_bytes(const std::string& name) {
    const Place at = locate(inode_, name);
    at.parent->names.at(at.name)->last_bytes = read_all(*next_->open(name, OpenMode::read));
  }

  Disk& disk_;
  std::unique_ptr<Directory> next_;
  CrashInodePtr inode_;
};

CrashEnv::CrashEnv(Env& next, std::string root) : next_(next), disk_(std::make_unique<Disk>(std::move(root))) {}

CrashEnv::~CrashEnv() = default;

void CrashEnv::lose_power(Random& random) {
  disk_->lose_power(random);
  ++boot_;
}

std::unique_ptr<Directory> CrashEnv::try_open_directory(const std::string& path) {
  std::unique_ptr<Directory> directory = next_.try_open_directory(path);
  if (!directory) return nullptr;
  return std::make_unique<Disk::OpenDirectory>(*disk_, std::move(directory), disk_->directory(path));
}

void CrashEnv::make_directory(const std::string& path) {
  next_.make_directory(path);
  const Disk::Place at = disk_->locate(path);
  auto inode = std::make_shared<CrashInode>();
  inode->is_directory = true;
  at.parent->change({.removed = {}, .added = at.name, .inode = std::move(inode)});
}

bool CrashEnv::try_rename_directory(const std::string& from, const std::string& to) {
  if (!next_.try_rename_directory(from, to)) return false;
  const Disk::Place source = disk_->locate(from);
  const Disk::Place target = disk_->locate(to);
  if (source.parent != target.parent) throw std::logic_error("a directory moves only within its parent here");
  source.parent->change({.removed = source.name, .added = target.name, .inode = source.parent->names.at(source.name)});
  return true;
}

void CrashEnv::remove_directory(const std::string& path) {
  next_.remove_directory(path);
  const Disk::Place at = disk_->locate(path);
  at.parent->change({.removed = at.name, .added = {}, .inode = nullptr});
}

Boot CrashEnv::boot() const {
  constexpr std::int64_t hour = 3'600'000'000'000;
  Boot boot{.epoch = hour * static_cast<std::int64_t>(boot_), .uptime = hour / 2};
  store_le(std::span(boot.id).first<8>(), boot_);
  return boot;
}

}  // namespace accrete::test
