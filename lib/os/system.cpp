#include "os/system.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <malloc.h>
#include <memory>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "base/throw_io_error.hpp"

namespace accrete {
namespace {

void fill_random(std::span<std::byte> to) {
  while (!to.empty()) {
    const ssize_t got = ::getrandom(to.data(), to.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_io_error("read", "the system's random source", errno);
    to = to.subspan(static_cast<std::size_t>(got));
  }
}

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

std::uint64_t read_number(const std::string& path, std::uint64_t otherwise) {
  std::ifstream in(path);
  std::uint64_t number = 0;
  return in >> number ? number : otherwise;
}

/// How a version of cgroups calls what it knows of a group's memory.
struct CgroupNames {
  const char* limit;
  const char* used;
  const char* inactive_file;
  const char* active_file;
};
constexpr CgroupNames v1_names{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
                               "total_active_file"};
constexpr CgroupNames v2_names{"memory.max", "memory.current", "inactive_file", "active_file"};

/// What is left to one group, which takes pages of files that it has cached for free ones.
std::uint64_t memory_left(const std::string& group, const CgroupNames& names) {
  const std::uint64_t limit = read_number(group + "/" + names.limit, unlimited);
  if (limit == unlimited) return unlimited;
  std::uint64_t used = read_number(group + "/" + names.used, 0);
  std::ifstream stat(group + "/memory.stat");
  for (std::string name; stat >> name;) {
    std::uint64_t bytes = 0;
    if (!(stat >> bytes)) break;
    if (name == names.inactive_file || name == names.active_file) used -= std::min(used, bytes);
  }
  return limit - std::min(limit, used);
}

/// The least that is left to a group or to one that it is in. A container may see a path that begins above what is
/// mounted: then the mount itself is the container's group.
std::uint64_t min_memory_left(const std::string& mount, std::string path, const CgroupNames& names) {
  std::uint64_t left = unlimited;
  for (;;) {
    if (path.find("/..") == std::string::npos) left = std::min(left, memory_left(mount + path, names));
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return std::min(left, memory_left(mount, names));
    path.resize(slash);
  }
}

/// A line of /proc/self/cgroup is `number:controllers:path`; without controllers it is of version 2.
std::uint64_t cgroup_memory_left(const std::string& root) {
  const std::string mounts = root + "/sys/fs/cgroup";
  std::uint64_t left = unlimited;
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") {
      left = std::min(
          {left, min_memory_left(mounts, path, v2_names), min_memory_left(mounts + "/unified", path, v2_names)});
    } else if (controllers.find(",memory,") != std::string::npos) {
      left = std::min(left, min_memory_left(mounts + "/memory", path, v1_names));
    }
  }
  return left;
}

}  // namespace

std::uint64_t available_memory(const std::string& root) {
  std::ifstream in(root + "/proc/meminfo");
  for (std::string name; in >> name;) {
    std::uint64_t kibibytes = 0;
    if (name == "MemAvailable:" && in >> kibibytes) return std::min(kibibytes * 1024, cgroup_memory_left(root));
  }
  return cgroup_memory_left(root);
}

std::array<std::byte, 16> random_uuid() {
  std::array<std::byte, 16> uuid{};
  fill_random(uuid);
  uuid[6] = (uuid[6] & std::byte{0x0F}) | std::byte{0x40};
  uuid[8] = (uuid[8] & std::byte{0x3F}) | std::byte{0x80};
  return uuid;
}

std::uint64_t random_u64() {
  std::array<std::byte, 8> bytes{};
  fill_random(bytes);
  return load_le<std::uint64_t>(std::span{bytes});
}

std::int64_t process_id() noexcept { return ::getpid(); }

void keep_freed_memory(int bytes) noexcept {
  ::mallopt(M_TRIM_THRESHOLD, bytes);
  // What is allocated by a mapping of its own is given back at once.
  constexpr int smallest_mapping = 1 << 20;
  ::mallopt(M_MMAP_THRESHOLD, std::max(bytes / 4, smallest_mapping));
}

void give_way_to_others() noexcept {
  constexpr int niceness = 5;                // a third of what others get
  ::setpriority(PRIO_PROCESS, 0, niceness);  // on Linux, 0 is this thread
}

void prefer_huge_pages(std::span<std::byte> memory) noexcept {
  constexpr std::size_t page_size = std::size_t{2} << 20;
  void* begin = memory.data();
  std::size_t left = memory.size();
  if (!std::align(page_size, page_size, begin, left)) return;
  (void)::madvise(begin, left / page_size * page_size, MADV_HUGEPAGE);  // a system without them goes on as it was
}

}  // namespace accrete
