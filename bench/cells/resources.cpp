#include "resources.hpp"

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <sys/stat.h>
#include <system_error>

namespace bench {

Usage& Usage::operator+=(const Usage& other) noexcept {
  cpu_seconds += other.cpu_seconds;
  memory_bytes += other.memory_bytes;
  return *this;
}

Meter::Meter(pid_t process) : directory_("/proc/" + std::to_string(process)) {
  if (const int error = ::clock_getcpuclockid(process, &clock_); error != 0)
    throw std::system_error(error, std::generic_category(), "clock_getcpuclockid");
  std::ofstream(directory_ + "/clear_refs") << "5\n";  // sets the peak back to what is resident now
  memory_before_ = memory("VmRSS:");
  cpu_seconds_before_ = cpu_seconds();
}

Usage Meter::usage() const {
  const double seconds = cpu_seconds() - cpu_seconds_before_;
  const std::uint64_t peak = memory("VmHWM:");
  return {.cpu_seconds = seconds, .memory_bytes = peak > memory_before_ ? peak - memory_before_ : 0};
}

double Meter::cpu_seconds() const {
  timespec time{};
  if (::clock_gettime(clock_, &time) != 0) throw std::system_error(errno, std::generic_category(), "clock_gettime");
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::uint64_t Meter::memory(const std::string& field) const {
  constexpr std::uint64_t kibibyte = 1024;
  std::ifstream status(directory_ + "/status");
  for (std::string word; status >> word;) {
    if (word != field) continue;
    std::uint64_t kibibytes = 0;
    status >> kibibytes;
    return kibibytes * kibibyte;
  }
  throw std::runtime_error("there is no " + field + " in " + directory_ + "/status");
}

Stored stored_in(const std::filesystem::path& directory) {
  constexpr std::uint64_t block_size = 512;  // of st_blocks, whatever the file system's is
  Stored stored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0) continue;
    stored.bytes += static_cast<std::uint64_t>(status.st_blocks) * block_size;
    if (S_ISREG(status.st_mode)) ++stored.files;
  }
  return stored;
}

}  // namespace bench
