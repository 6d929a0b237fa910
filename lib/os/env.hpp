// Env: the seam between accrete and the operating system. All file operations go through it, so that tests can make
// any of them fail (FaultEnv) or be forgotten by a power loss (CrashEnv).
//
// Every function throws IoError (DiskFullError, ReadOnlyError) with the action and the path; `try_…` and functions that
// return an optional answer "there is none" as a value. Interrupted and short system calls are continued inside.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/file_system.hpp"

namespace accrete {

class DatasetLock;
struct Process;

using BootId = std::array<std::byte, 16>;

/// What tells one start of the system from another.
struct Boot {
  std::int64_t epoch = 0;    ///< nanoseconds of the wall clock at which the system was started
  std::uint64_t uptime = 0;  ///< nanoseconds since
  BootId id{};
};

enum class OpenMode {
  read,          ///< an existing file
  write,         ///< an existing file, to read and `write_at`
  append,        ///< an existing file, to read and `append`
  create,        ///< a new file, otherwise as `write`; IoError(EEXIST) if there is one
  create_append  ///< a new file, otherwise as `append`
};

enum class FileType { regular, directory, symlink, other };

/// Whose a file is, and who may use it.
struct FileRights {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::uint32_t mode = 0;  ///< the nine bits of who may read, write and execute it
};

struct FileInfo {
  FileType type = FileType::other;
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 1;  ///< how many names it has
  FileRights rights{};
};

struct DirectoryEntry {
  std::string name;
  FileType type = FileType::other;
};

/// A stretch of a file.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// An open regular file. Its const functions may be called by several threads at once.
class File {
 public:
  virtual ~File() = default;

  [[nodiscard]] virtual FileInfo info() const = 0;
  [[nodiscard]] std::uint64_t size() const { return info().size; }

  /// Fills `to` from `offset` on; returns how many bytes there were before the end of the file.
  [[nodiscard]] virtual std::size_t read_at(std::uint64_t offset, std::span<char> to) const = 0;

  /// Writes the pieces one after the other at the end of the file. When it throws, a part may have been written.
  virtual void append(std::span<const std::string_view> pieces) = 0;

  /// As above, at `offset`.
  virtual void write_at(std::uint64_t offset, std::string_view bytes) = 0;

  virtual void truncate(std::uint64_t size) = 0;

  /// Has the disk keep room for a stretch of the file, so that writes to it do not fail because it is full. Does
  /// nothing on a file system that is not known to overwrite in place.
  virtual void allocate(const ByteRange& range) = 0;

  /// Gives a new file the rights of the one that it is to take the place of. Where this process may not give files
  /// away, it stays this user's, provided that by group and mode all can use it as they could the other one; else
  /// throws.
  virtual void set_rights(const FileRights& rights) = 0;

  /// Makes contents and size survive power loss (fdatasync).
  virtual void sync() = 0;
};

/// Bytes of a file that are there already and that processes share, or that are to outlive this one. Where the file
/// system overwrites in place they are the page cache itself (a mapping whose blocks are allocated), which costs no
/// system call; elsewhere a mapped write could hit a full disk and raise SIGBUS, so they are read and written. Stores
/// of a process that is killed remain, in order.
class SharedBytes {
 public:
  virtual ~SharedBytes() = default;
  // Offsets count from the beginning of the stretch that is shared.
  virtual void read(std::size_t offset, std::span<std::byte> to) const = 0;
  virtual void write(std::size_t offset, std::span<const std::byte> from) = 0;
  /// Makes them survive power loss.
  virtual void sync() = 0;
  /// Of the file.
  [[nodiscard]] virtual FileInfo info() const = 0;
};

/// An open directory. Names are relative to it and may have several components ("a%/b"); no component is followed
/// if it is a symbolic link, and nothing but regular files is opened.
class Directory {
 public:
  virtual ~Directory() = default;

  /// For messages.
  [[nodiscard]] virtual const std::string& path() const noexcept = 0;

  [[nodiscard]] virtual std::unique_ptr<File> open(const std::string& name, OpenMode mode) = 0;
  /// nullptr if there is no such file.
  [[nodiscard]] virtual std::unique_ptr<File> try_open(const std::string& name, OpenMode mode) = 0;
  /// `name` "" is this directory itself.
  [[nodiscard]] virtual std::optional<FileInfo> info(const std::string& name) const = 0;
  /// Without "." and "..", in no order. `name` "" is this directory itself.
  [[nodiscard]] virtual std::vector<DirectoryEntry> entries(const std::string& name) const = 0;
  virtual void make_directory(const std::string& name) = 0;
  /// Removes a file, or a symbolic link itself.
  virtual void remove(const std::string& name) = 0;
  /// Throws IoError if `remove` is sure to be refused for every name in the directory `name` ("": this one): by its
  /// rights, by an attribute (immutable, append-only), or by a file system that is read-only.
  virtual void check_entries_removable(const std::string& name) const = 0;
  /// As above, if it is sure to be refused for this file, or `try_remove_directory` for this empty directory: by an
  /// attribute, by a sticky bit, or because something is mounted there. Looks at no rights of the directory it is in.
  virtual void check_removable(const std::string& name) const = 0;
  /// False if it is not empty.
  virtual bool try_remove_directory(const std::string& name) = 0;
  /// Replaces `to` if it is there.
  virtual void rename(const std::string& from, const std::string& to) = 0;
  /// Makes the names in this directory survive power loss (fsync).
  virtual void sync() = 0;
  /// Makes everything on the file system survive power loss (syncfs).
  virtual void sync_file_system() = 0;
  /// The lock that this process has for the file `name`, which must exist.
  [[nodiscard]] virtual std::shared_ptr<DatasetLock> lock(const std::string& name) = 0;
  /// Whether the process, which is not this one, lives and has locked the file `name` exclusively, be it with a lock
  /// that does not reach this process. False where that cannot be told.
  [[nodiscard]] virtual bool is_locked_by(const std::string& name, const Process& process) const = 0;
  [[nodiscard]] virtual FileSystem file_system() const = 0;
  /// The file must exist and reach to the end of `range`, which begins at a multiple of 64 KiB. Read-only: `write`
  /// must not be called.
  [[nodiscard]] virtual std::unique_ptr<SharedBytes> share(const std::string& name, const ByteRange& range,
                                                           bool read_only) = 0;
};

class Env {
 public:
  virtual ~Env() = default;

  /// Follows symbolic links in `path`: it is the user's own. nullptr if there is nothing or no directory at `path`.
  [[nodiscard]] virtual std::unique_ptr<Directory> try_open_directory(const std::string& path) = 0;
  /// Of `path` itself: a symbolic link is not followed.
  [[nodiscard]] virtual std::optional<FileInfo> info(const std::string& path) const = 0;
  virtual void make_directory(const std::string& path) = 0;
  /// False, and nothing is done, if there is anything at `to`.
  virtual bool try_rename_directory(const std::string& from, const std::string& to) = 0;
  virtual void remove_directory(const std::string& path) = 0;
  /// Largest size that a file of this process may have (RLIMIT_FSIZE): writing beyond it raises SIGXFSZ.
  [[nodiscard]] virtual std::uint64_t file_size_limit() const = 0;
  /// Reads the clocks anew. The id may be a container's own, or the same for ever; where it cannot be read, it is one
  /// of this process.
  [[nodiscard]] virtual Boot boot() const = 0;
  /// How many descriptors this process may have (RLIMIT_NOFILE).
  [[nodiscard]] virtual std::uint64_t open_files_limit() const = 0;
};

/// The real one. It has no state.
[[nodiscard]] Env& posix_env() noexcept;

}  // namespace accrete
