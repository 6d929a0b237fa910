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

std::uint64_t read_number(const std::string& path, std::uint64_t otherwise) {
  std::ifstream in(path);
  std::uint64_t number = 0;
  return in >> number ? number : otherwise;
}

std::uint64_t cgroup_memory_left() {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("0::")) continue;  // cgroup v2
    const std::string directory = "/sys/fs/cgroup" + line.substr(3);
    constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t most = read_number(directory + "/memory.max", unlimited);
    const std::uint64_t used = read_number(directory + "/memory.current", 0);
    return most > used ? most - used : 0;
  }
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

std::uint64_t available_memory() {
  std::ifstream in("/proc/meminfo");
  for (std::string name; in >> name;) {
    std::uint64_t kibibytes = 0;
    if (name == "MemAvailable:" && in >> kibibytes) return std::min(kibibytes * 1024, cgroup_memory_left());
  }
  return cgroup_memory_left();
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
