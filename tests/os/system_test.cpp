// Tests of os/system.cpp: the memory that a container leaves.
#include "os/system.hpp"

#include <doctest/doctest.h>
#include <filesystem>

#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// What a process sees of a machine with a gibibyte that is free.
class Machine {
 public:
  Machine() { write("/proc/meminfo", "MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\n"); }

  void write(const std::string& name, const std::string& text) {
    const std::string path = root() + name;
    std::filesystem::create_directories(path.substr(0, path.rfind('/')));
    write_file(path, text);
  }
  [[nodiscard]] std::string root() const { return directory_ / "root"; }
  [[nodiscard]] std::uint64_t available() const { return available_memory(root()); }

 private:
  TemporaryDirectory directory_;
};

std::string bytes(std::uint64_t mebibytes) { return std::to_string(mebibytes * mebibyte) + "\n"; }

TEST_CASE("without a limit, the memory that is available is the system's") {
  Machine machine;
  CHECK(machine.available() == 1024 * mebibyte);
  machine.write("/proc/self/cgroup", "0::/user.slice\n");
  machine.write("/sys/fs/cgroup/user.slice/memory.max", "max\n");
  machine.write("/sys/fs/cgroup/user.slice/memory.current", bytes(900));
  CHECK(machine.available() == 1024 * mebibyte);
}

TEST_CASE("it is what the group leaves, whose cached files count as free") {
  Machine machine;
  SUBCASE("of version 2") {
    machine.write("/proc/self/cgroup", "0::/box\n");
    machine.write("/sys/fs/cgroup/box/memory.max", bytes(256));
    machine.write("/sys/fs/cgroup/box/memory.current", bytes(200));
    machine.write("/sys/fs/cgroup/box/memory.stat",
                  "anon 1\ninactive_file " + bytes(100) + "active_file " + bytes(50) + "slab 7\n");
  }
  SUBCASE("of version 1") {
    machine.write("/proc/self/cgroup", "12:cpu,cpuacct:/other\n4:hugetlb,memory:/box\n1:name=systemd:/\n");
    machine.write("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", bytes(256));
    machine.write("/sys/fs/cgroup/memory/box/memory.usage_in_bytes", bytes(200));
    machine.write("/sys/fs/cgroup/memory/box/memory.stat",
                  "inactive_file 1\ntotal_inactive_file " + bytes(100) + "total_active_file " + bytes(50));
  }
  SUBCASE("of a container that sees its own group as the top, under a path of the host's") {
    machine.write("/proc/self/cgroup", "0::/docker/0123\n");
    machine.write("/sys/fs/cgroup/memory.max", bytes(256));
    machine.write("/sys/fs/cgroup/memory.current", bytes(50));
  }
  SUBCASE("of a process that was moved out of its container's group") {
    machine.write("/proc/self/cgroup", "0::/../sibling\n");
    machine.write("/sys/fs/cgroup/memory.max", bytes(256));
    machine.write("/sys/fs/cgroup/memory.current", bytes(50));
    machine.write("/sys/fs/sibling/memory.max", bytes(1));
  }
  CHECK(machine.available() == 206 * mebibyte);
}

TEST_CASE("of nested groups, the one that leaves least decides") {
  Machine machine;
  machine.write("/proc/self/cgroup", "0::/outer/inner/innermost\n");
  machine.write("/sys/fs/cgroup/outer/memory.max", bytes(300));
  machine.write("/sys/fs/cgroup/outer/memory.current", bytes(290));
  machine.write("/sys/fs/cgroup/outer/inner/memory.max", bytes(256));
  machine.write("/sys/fs/cgroup/outer/inner/memory.current", bytes(100));
  machine.write("/sys/fs/cgroup/outer/inner/innermost/memory.max", "max\n");
  CHECK(machine.available() == 10 * mebibyte);
  machine.write("/sys/fs/cgroup/outer/memory.current", bytes(400));
  CHECK(machine.available() == 0);
}

}  // namespace
}  // namespace accrete::test
