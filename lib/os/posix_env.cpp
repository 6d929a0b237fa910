// Env on POSIX and Linux.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <limits>
#include <linux/magic.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>

#include "base/interruption.hpp"
#include "base/throw_io_error.hpp"
#include "os/dataset_lock.hpp"
#include "os/descriptor.hpp"
#include "os/env.hpp"
#include "os/lock_holder.hpp"
#include "os/private_files.hpp"
#include "os/shared_bytes.hpp"
#include "os/system.hpp"
#include "os/uuid.hpp"

namespace accrete {
namespace {

template <typename Call>
auto without_interrupts(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

std::uint64_t limit_of(__rlimit_resource_t resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) throw_io_error("read", "the process's limits", errno);
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<std::uint64_t>::max() : limit.rlim_cur;
}

/// A file that would reach beyond the limit is refused here: the system would send SIGXFSZ too, which ends a program
/// that does not ignore it.
void check_file_size(std::string_view action, std::string_view path, std::uint64_t end) {
  if (end > limit_of(RLIMIT_FSIZE)) throw_io_error(action, path, EFBIG);
}

FileType type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileType::regular;
  if (S_ISDIR(mode)) return FileType::directory;
  if (S_ISLNK(mode)) return FileType::symlink;
  return FileType::other;
}

FileInfo info_of(const struct stat& status) {
  return {.type = type_of(status.st_mode),
          .size = static_cast<std::uint64_t>(status.st_size),
          .inode = status.st_ino,
          .links = status.st_nlink,
          .rights = {.user = status.st_uid, .group = status.st_gid, .mode = status.st_mode & 0777}};
}

BootId read_boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string text;
  in >> text;
  const std::optional<BootId> id = parse_uuid(text);
  return id && *id != BootId{} ? *id : random_uuid();
}

constexpr std::int64_t nanoseconds_a_second = 1'000'000'000;

std::int64_t read_clock(clockid_t clock) {
  timespec now{};
  if (::clock_gettime(clock, &now) != 0) throw_io_error("read", "the system's clock", errno);
  return std::int64_t{now.tv_sec} * nanoseconds_a_second + now.tv_nsec;
}

/// What a time namespace adds to the time since the system was started.
std::int64_t read_uptime_offset() {
  std::ifstream in("/proc/self/timens_offsets");
  std::string clock;
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  while (in >> clock >> seconds >> nanoseconds) {
    if (clock == "boottime") return seconds * nanoseconds_a_second + nanoseconds;
  }
  return 0;
}

Boot read_boot() {
  static const BootId id = read_boot_id();
  static const std::int64_t offset = read_uptime_offset();
  // This thread may be put to sleep between the two clocks: what took the least time counts.
  constexpr int tries = 3;
  constexpr std::int64_t good_enough = 1'000'000;
  Boot boot{.id = id};
  std::int64_t min_gap = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < tries && min_gap > good_enough; ++i) {
    const std::int64_t before = read_clock(CLOCK_BOOTTIME) - offset;
    const std::int64_t now = read_clock(CLOCK_REALTIME);
    const std::int64_t after = read_clock(CLOCK_BOOTTIME) - offset;
    if (after - before >= min_gap) continue;
    min_gap = after - before;
    boot.epoch = now - after;
    boot.uptime = static_cast<std::uint64_t>(after);
  }
  return boot;
}

/// The file system's type; 0 if it does not tell.
std::int64_t file_system_magic(int fd) {
  struct statfs status {};
  return ::fstatfs(fd, &status) == 0 ? std::int64_t{status.f_type} : 0;
}

bool overwrites_in_place(int fd) {
  constexpr auto xfs_magic = 0x58465342;  // not in linux/magic.h
  const std::int64_t magic = file_system_magic(fd);
  return magic == EXT4_SUPER_MAGIC || magic == TMPFS_MAGIC || magic == xfs_magic;
}

/// That of a container's files lies over another one, as a rule over one that does.
bool keeps_room(int fd) { return overwrites_in_place(fd) || file_system_magic(fd) == OVERLAYFS_SUPER_MAGIC; }

/// Calls of the system are no larger, since between two of them a call of ours can be interrupted.
constexpr std::size_t max_bytes_a_call = std::size_t{16} << 20;

class PosixFile final : public File {
 public:
  PosixFile(Descriptor fd, std::string path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}

  FileInfo info() const override {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) throw_io_error("get the size of", path_, errno);
    return info_of(status);
  }

  std::size_t read_at(std::uint64_t offset, std::span<char> to) const override {
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()) - to.size()) return 0;
    std::size_t done = 0;
    while (done < to.size()) {
      const std::size_t wanted = std::min(to.size() - done, max_bytes_a_call);
      const ssize_t got = without_interrupts(
          [&] { return ::pread(fd_.get(), to.data() + done, wanted, static_cast<off_t>(offset + done)); });
      if (got < 0) throw_io_error("read", path_, errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
      if (done < to.size()) throw_if_interrupted();
    }
    return done;
  }

  void append(std::span<const std::string_view> pieces) override {
    std::array<iovec, 64> vectors;
    while (!pieces.empty()) {
      const std::size_t count = std::min(pieces.size(), vectors.size());
      for (std::size_t i = 0; i < count; ++i) {
        vectors[i] = {.iov_base = const_cast<char*>(pieces[i].data()), .iov_len = pieces[i].size()};
      }
      append_all(std::span{vectors}.first(count));
      pieces = pieces.subspan(count);
    }
  }

  void write_at(std::uint64_t offset, std::string_view bytes) override {
    check_file_size("write", path_, offset + bytes.size());
    while (!bytes.empty()) {
      const ssize_t written = without_interrupts(
          [&] { return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (written < 0) throw_io_error("write", path_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::size_t>(written);
    }
  }

  void truncate(std::uint64_t size) override {
    if (size > this->size()) check_file_size("extend", path_, size);
    if (without_interrupts([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) {
      throw_io_error("truncate", path_, errno);
    }
  }

  void allocate(const ByteRange& range) override {
    if (!keeps_room(fd_.get())) return;
    check_file_size("allocate the blocks of", path_, range.offset + range.size);
    int error = EINTR;
    while (error == EINTR) {
      error = ::posix_fallocate(fd_.get(), static_cast<off_t>(range.offset), static_cast<off_t>(range.size));
    }
    if (error != 0) throw_io_error("allocate the blocks of", path_, error);
  }

  void set_rights(const FileRights& rights) override {
    const FileRights own = info().rights;
    bool has_user = own.user == rights.user;
    bool has_group = own.group == rights.group;
    if (!has_user || !has_group) {
      const bool given = ::fchown(fd_.get(), rights.user, rights.group) == 0;
      has_user |= given;
      has_group |= given;
    }
    if (!has_group) has_group = ::fchown(fd_.get(), static_cast<uid_t>(-1), rights.group) == 0;
    // Who was its user is taken for one of its group.
    const std::uint32_t to_user = rights.mode >> 6U & 7U;
    const std::uint32_t to_group = rights.mode >> 3U & 7U;
    const std::uint32_t left_to_group = has_group ? to_group : rights.mode & 7U;
    const std::uint32_t left_to_user = has_user ? to_user : left_to_group;
    if ((to_user & ~left_to_user) != 0 || (to_group & ~left_to_group) != 0) {
      throw IoError("cannot give '" + path_ +
                        "' the owner and the group of the file that it is to take the place of, and without these who "
                        "could use that could not any more; have its owner, or root, do this",
                    std::error_code(EPERM, std::generic_category()), path_);
    }
    if (own.mode != rights.mode && ::fchmod(fd_.get(), rights.mode) != 0) {
      throw_io_error("change the mode of", path_, errno);
    }
  }

  void sync() override {
    if (without_interrupts([&] { return ::fdatasync(fd_.get()); }) != 0) throw_io_error("sync", path_, errno);
  }

 private:
  [[nodiscard]] ssize_t append_some(std::span<const iovec> left) const noexcept {
    if (left.size() == 1 || left[0].iov_len > max_bytes_a_call) {
      return ::write(fd_.get(), left[0].iov_base, std::min(left[0].iov_len, max_bytes_a_call));
    }
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < left.size() && left[count].iov_len <= max_bytes_a_call - bytes; ++count) {
      bytes += left[count].iov_len;
    }
    return ::writev(fd_.get(), left.data(), static_cast<int>(count));
  }

  void append_all(std::span<iovec> left) {
    while (!left.empty()) {
      ssize_t written = without_interrupts([&] { return append_some(left); });
      if (written < 0) throw_io_error("append to", path_, errno);
      while (!left.empty() && static_cast<std::size_t>(written) >= left[0].iov_len) {
        written -= static_cast<ssize_t>(left[0].iov_len);
        left = left.subspan(1);
      }
      if (left.empty()) break;
      throw_if_interrupted();
      left[0].iov_base = static_cast<char*>(left[0].iov_base) + written;
      left[0].iov_len -= static_cast<std::size_t>(written);
    }
  }

  Descriptor fd_;
  std::string path_;
};

class PosixDirectory final : public Directory {
 public:
  PosixDirectory(Descriptor fd, std::string path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}

  const std::string& path() const noexcept override { return path_; }

  std::unique_ptr<File> open(const std::string& name, OpenMode mode) override {
    Descriptor fd = open_descriptor(name, mode);
    if (fd.get() < 0) throw_io_error("open", full(name), errno);
    return std::make_unique<PosixFile>(std::move(fd), full(name));
  }

  std::unique_ptr<File> try_open(const std::string& name, OpenMode mode) override {
    Descriptor fd = open_descriptor(name, mode);
    if (fd.get() < 0 && errno == ENOENT) return nullptr;
    if (fd.get() < 0) throw_io_error("open", full(name), errno);
    return std::make_unique<PosixFile>(std::move(fd), full(name));
  }

  std::optional<FileInfo> info(const std::string& name) const override {
    const std::optional<Location> at = try_locate(name.empty() ? "." : name);
    if (!at) return std::nullopt;
    struct stat status {};
    if (::fstatat(at->parent(), at->last.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return info_of(status);
    if (errno == ENOENT) return std::nullopt;
    throw_io_error("look at", full(name), errno);
  }

  std::vector<DirectoryEntry> entries(const std::string& name) const override {
    const Location at = locate("list", name.empty() ? "." : name);
    Descriptor fd(::openat(at.parent(), at.last.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd.get() < 0) throw_io_error("list", full(name), errno);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), &::closedir);
    if (!stream) throw_io_error("list", full(name), errno);
    const int stream_fd = fd.release();
    std::vector<DirectoryEntry> entries;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (!entry && errno != 0) throw_io_error("list", full(name), errno);
      if (!entry) return entries;
      const std::string_view entry_name = entry->d_name;
      if (entry_name == "." || entry_name == "..") continue;
      entries.push_back({std::string(entry_name), type_of_entry(stream_fd, *entry)});
    }
  }

  void make_directory(const std::string& name) override {
    const Location at = locate("make the directory", name);
    if (::mkdirat(at.parent(), at.last.c_str(), 0777) != 0) throw_io_error("make the directory", full(name), errno);
  }

  void remove(const std::string& name) override {
    const Location at = locate("remove", name);
    if (::unlinkat(at.parent(), at.last.c_str(), 0) != 0) throw_io_error("remove", full(name), errno);
  }

  void check_entries_removable(const std::string& name) const override {
    const Location at = locate("look at", name.empty() ? "." : name);
    const std::string action = "remove files in";
    if (::faccessat(at.parent(), at.last.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
      throw_io_error(action, full(name), errno);
    }
    refuse_unchangeable(action, name, look_at(at, name));
  }

  void check_removable(const std::string& name) const override {
    const Location at = locate("look at", name);
    const struct statx status = look_at(at, name);
    refuse_unchangeable("remove", name, status);
    if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
      throw_io_error("remove the mount point", full(name), EBUSY);
    const uid_t user = ::geteuid();
    if (user == 0 || user == status.stx_uid) return;
    struct stat parent {};
    if (::fstat(at.parent(), &parent) != 0) throw_io_error("look at the directory of", full(name), errno);
    if ((parent.st_mode & S_ISVTX) != 0 && parent.st_uid != user) {
      throw IoError("cannot remove '" + full(name) + "': it is another user's, and its directory has the sticky bit",
                    std::error_code(EPERM, std::generic_category()), full(name));
    }
  }

  bool try_remove_directory(const std::string& name) override {
    const Location at = locate("remove the directory", name);
    if (::unlinkat(at.parent(), at.last.c_str(), AT_REMOVEDIR) == 0) return true;
    if (errno == ENOTEMPTY || errno == EEXIST) return false;
    throw_io_error("remove the directory", full(name), errno);
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) != 0) {
      throw_io_error("rename to '" + to + "'", full(from), errno);
    }
  }

  void sync() override {
    if (without_interrupts([&] { return ::fsync(fd_.get()); }) != 0) throw_io_error("sync", path_, errno);
  }

  void sync_file_system() override {
    if (without_interrupts([&] { return ::syncfs(fd_.get()); }) != 0) {
      throw_io_error("sync the file system of", path_, errno);
    }
  }

  std::shared_ptr<DatasetLock> lock(const std::string& name) override { return lock_for(absolute(name)); }

  bool is_locked_by(const std::string& name, const Process& process) const override {
    return has_locked_anywhere(process, full(name));
  }

  FileSystem file_system() const override { return file_system_of(fd_.get(), path_); }

  std::unique_ptr<SharedBytes> share(const std::string& name, const ByteRange& range, bool read_only) override {
    Descriptor fd = open_descriptor(name, read_only ? OpenMode::read : OpenMode::write);
    if (fd.get() < 0) throw_io_error("open", full(name), errno);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) throw_io_error("get the size of", full(name), errno);
    const std::uint64_t end = range.offset + range.size;
    if (static_cast<std::uint64_t>(status.st_size) < end) {
      throw CorruptionError("'" + full(name) + "' has " + std::to_string(status.st_size) + " bytes instead of " +
                            std::to_string(end));
    }
    const int raw_fd = fd.get();
    auto file = std::make_unique<PosixFile>(std::move(fd), full(name));
    if (!overwrites_in_place(raw_fd)) return written_bytes(std::move(file), range.offset);
    constexpr std::uint64_t block_unit = 512;  // of st_blocks, whatever the file system's blocks are
    const bool has_holes = static_cast<std::uint64_t>(status.st_blocks) * block_unit < end;
    if (has_holes && !read_only) file->allocate(range);
    return mapped_bytes(raw_fd, std::move(file), full(name), range, read_only);
  }

 private:
  /// Where a name's last component is looked up.
  struct Location {
    [[nodiscard]] int parent() const noexcept { return walked.get() >= 0 ? walked.get() : top; }
    int top;
    Descriptor walked{-1};
    std::string last{};
  };

  /// nullopt if a directory on the way does not exist.
  std::optional<Location> try_locate(const std::string& name) const {
    Location at{.top = fd_.get()};
    std::string_view left = name;
    for (std::size_t slash = left.find('/'); slash != std::string_view::npos; slash = left.find('/')) {
      const std::string component(left.substr(0, slash));
      at.walked = Descriptor(::openat(at.parent(), component.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (at.walked.get() < 0 && errno == ENOENT) return std::nullopt;
      if (at.walked.get() < 0 && errno == ENOTDIR) refuse_irregular(name);
      if (at.walked.get() < 0) throw_io_error("open", full(name), errno);
      left.remove_prefix(slash + 1);
    }
    at.last = left;
    return at;
  }

  Location locate(std::string_view action, const std::string& name) const {
    std::optional<Location> at = try_locate(name);
    if (!at) throw_io_error(action, full(name), ENOENT);
    return *std::move(at);
  }

  struct statx look_at_open(const Descriptor& fd, const std::string& name) const {
    struct statx status {};
    if (::statx(fd.get(), "", AT_EMPTY_PATH, STATX_TYPE, &status) == 0) return status;
    struct stat without_attributes {};
    if (!is_unknown_call(errno) || ::fstat(fd.get(), &without_attributes) != 0) {
      throw_io_error("look at", full(name), errno);
    }
    status.stx_mode = static_cast<decltype(status.stx_mode)>(without_attributes.st_mode);
    return status;
  }

  /// Older sandboxes do not know `statx`, and forbid it.
  static bool is_unknown_call(int error) { return error == ENOSYS || error == EPERM; }

  struct statx look_at(const Location& at, const std::string& name) const {
    struct statx status {};
    constexpr int flags = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC;
    if (::statx(at.parent(), at.last.c_str(), flags, STATX_TYPE | STATX_UID, &status) == 0) return status;
    if (!is_unknown_call(errno)) throw_io_error("look at", full(name), errno);
    status.stx_uid = ::geteuid();  // nothing is sure to be refused then
    return status;
  }

  /// An attribute that root's rights do not override.
  void refuse_unchangeable(const std::string& action, const std::string& name, const struct statx& status) const {
    const bool is_immutable = (status.stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
    if (!is_immutable && (status.stx_attributes & STATX_ATTR_APPEND) == 0) return;
    const std::string what =
        is_immutable ? "immutable (chattr -i makes it changeable)" : "append-only (chattr -a makes it changeable)";
    throw IoError("cannot " + action + " '" + full(name) + "': it is " + what,
                  std::error_code(EPERM, std::generic_category()), full(name));
  }

  /// Without O_NONBLOCK a named pipe planted in a dataset would block the open for good.
  Descriptor open_descriptor(const std::string& name, OpenMode mode) const {
    constexpr int always = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const std::optional<Location> at = try_locate(name);
    if (!at) {
      errno = ENOENT;
      return Descriptor{-1};
    }
    Descriptor fd(::openat(at->parent(), at->last.c_str(), flags_of(mode) | always, 0666));
    if (fd.get() < 0) {
      const int error = errno;
      if (error == ELOOP || error == ENXIO || error == EISDIR) refuse_irregular(name);
      errno = error;
      return fd;
    }
    const bool is_to_be_changed = mode == OpenMode::write || mode == OpenMode::append;
    const struct statx status = look_at_open(fd, name);
    if (!S_ISREG(status.stx_mode)) refuse_irregular(name);
    // What is appended to an append-only file could not be taken back.
    if (is_to_be_changed) refuse_unchangeable("change", name, status);
    return fd;
  }

  [[noreturn]] void refuse_irregular(const std::string& name) const {
    throw CorruptionError("'" + full(name) +
                          "' is a symbolic link, a directory or a special file where a dataset has a regular file; it "
                          "was not followed");
  }

  static int flags_of(OpenMode mode) {
    switch (mode) {
      case OpenMode::read:
        return O_RDONLY;
      case OpenMode::write:
        return O_RDWR;
      case OpenMode::append:
        return O_RDWR | O_APPEND;
      case OpenMode::create:
        return O_RDWR | O_CREAT | O_EXCL;
      case OpenMode::create_append:
        return O_RDWR | O_APPEND | O_CREAT | O_EXCL;
    }
    std::abort();
  }

  static FileType type_of_entry(int directory, const dirent& entry) {
    switch (entry.d_type) {
      case DT_REG:
        return FileType::regular;
      case DT_DIR:
        return FileType::directory;
      case DT_LNK:
        return FileType::symlink;
      case DT_UNKNOWN:
        break;
      default:
        return FileType::other;
    }
    struct stat status {};
    if (::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return FileType::other;
    return type_of(status.st_mode);
  }

  /// For what is opened by its path again when the current directory may be another.
  std::string absolute(const std::string& name) const {
    return path_.starts_with('/') ? full(name) : absolute_path(path_) + "/" + name;
  }

  std::string full(const std::string& name) const { return name.empty() ? path_ : path_ + "/" + name; }

  Descriptor fd_;
  std::string path_;
};

class PosixEnv final : public Env {
 public:
  std::unique_ptr<Directory> try_open_directory(const std::string& path) override {
    Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0 && (errno == ENOENT || errno == ENOTDIR)) return nullptr;
    if (fd.get() < 0) throw_io_error("open the directory", path, errno);
    return std::make_unique<PosixDirectory>(std::move(fd), path);
  }

  std::optional<FileInfo> info(const std::string& path) const override {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) return info_of(status);
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw_io_error("look at", path, errno);
  }

  void make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0777) != 0) throw_io_error("make the directory", path, errno);
  }

  bool try_rename_directory(const std::string& from, const std::string& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
    if (errno == EEXIST) return false;
    // Some file systems (NFS) cannot promise it: there an empty directory that appears in between is replaced.
    if (errno != EINVAL && errno != ENOSYS) throw_io_error("rename to '" + to + "'", from, errno);
    if (info(to)) return false;
    if (::rename(from.c_str(), to.c_str()) == 0) return true;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) return false;
    throw_io_error("rename to '" + to + "'", from, errno);
  }

  void remove_directory(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) throw_io_error("remove the directory", path, errno);
  }

  std::uint64_t file_size_limit() const override { return limit_of(RLIMIT_FSIZE); }

  Boot boot() const override { return read_boot(); }

  std::uint64_t open_files_limit() const override { return limit_of(RLIMIT_NOFILE); }
};

}  // namespace

Env& posix_env() noexcept {
  static PosixEnv env;
  return env;
}

}  // namespace accrete
