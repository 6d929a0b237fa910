#include "os/lock_holder.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "base/throw_io_error.hpp"
#include "os/descriptor.hpp"

namespace accrete {
namespace {

namespace fs = std::filesystem;

/// Whether a line of /proc/…/fdinfo tells of an exclusive lock of a file's first byte: those after are the queue.
/// "lock:\t1: OFDLCK  ADVISORY  WRITE -1 fe:00:9978066 0 0": the last two are where it begins and ends; "-> " stands
/// before a lock that is waited for.
bool tells_of_lock(const std::string& line) {
  if (!line.starts_with("lock:") || line.find("->") != std::string::npos || line.find("WRITE") == std::string::npos) {
    return false;
  }
  const std::size_t end = line.rfind(' ');
  const std::size_t begin = line.rfind(' ', end - 1);
  return end != std::string::npos && begin != std::string::npos && line.substr(begin + 1, end - begin - 1) == "0";
}

bool has_locked(const fs::path& fd_info) {
  std::ifstream in(fd_info);
  for (std::string line; std::getline(in, line);) {
    if (tells_of_lock(line)) return true;
  }
  return false;
}

/// As `is_same` tells whether a file is the one that is locked. False for a process whose descriptors may not be looked
/// at, too.
template <typename IsSame>
bool holds_lock(const fs::path& process, const std::string& file_name, IsSame is_same) {
  std::error_code error;
  for (fs::directory_iterator fd(process / "fd", error), end; !error && fd != end; fd.increment(error)) {
    // By its name first: to look at a file itself may take long, on a network's.
    const fs::path target = fs::read_symlink(fd->path(), error);
    if (error || target.filename() != file_name) continue;
    struct stat status {};
    if (::stat(fd->path().c_str(), &status) != 0 || !is_same(status)) continue;
    if (has_locked(process / "fdinfo" / fd->path().filename())) return true;
  }
  return false;
}

std::int64_t find_holder(const struct stat& lock, const std::string& file_name, std::int64_t likely) {
  const fs::path all = "/proc";
  const auto is_lock = [&](const struct stat& file) {
    return file.st_dev == lock.st_dev && file.st_ino == lock.st_ino;
  };
  if (likely > 0 && holds_lock(all / std::to_string(likely), file_name, is_lock)) return likely;
  std::error_code error;
  for (fs::directory_iterator process(all, error), end; !error && process != end; process.increment(error)) {
    const std::string name = process->path().filename();
    std::int64_t number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
    if (holds_lock(process->path(), file_name, is_lock)) return number;
  }
  return 0;
}

}  // namespace

std::optional<std::int64_t> lock_holder(const std::string& path, std::int64_t likely) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (fd.get() < 0 && errno == ENOENT) return std::nullopt;
  if (fd.get() < 0) throw_io_error("open the lock", path, errno);
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;  // the lock itself, not the queue
  const bool asked =
      ::fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 || (errno == EINVAL && ::fcntl(fd.get(), F_GETLK, &lock) == 0);
  if (!asked) throw_io_error("look at the lock", path, errno);
  if (lock.l_type == F_UNLCK) return std::nullopt;
  if (lock.l_pid > 0) return lock.l_pid;
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_io_error("look at", path, errno);
  return find_holder(status, fs::path(path).filename(), likely);
}

bool has_locked_anywhere(const Process& process, const std::string& path) {
  struct stat lock {};
  if (process.number == static_cast<std::uint64_t>(::getpid())) return false;  // its own locks do reach it
  if (!is_certainly_alive(process) || ::lstat(path.c_str(), &lock) != 0) return false;
  return holds_lock(fs::path("/proc") / std::to_string(process.number), fs::path(path).filename(),
                    [&](const struct stat& file) { return file.st_ino == lock.st_ino; });
}

void ask_to_end(std::int64_t process) {
  if (::kill(static_cast<pid_t>(process), SIGTERM) == 0 || errno == ESRCH) return;
  throw_io_error("stop", "process " + std::to_string(process), errno);
}

}  // namespace accrete
