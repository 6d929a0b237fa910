// What a cell takes: CPU time and memory of processes, blocks of files.
#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <string>
#include <sys/types.h>

namespace bench {

struct Usage {
  double cpu_seconds = 0;
  std::uint64_t memory_bytes = 0;  ///< growth of the resident memory, at its peak

  Usage& operator+=(const Usage& other) noexcept;
};

/// Of a process, all its threads included, from here on.
class Meter {
 public:
  explicit Meter(pid_t process);
  [[nodiscard]] Usage usage() const;

 private:
  [[nodiscard]] double cpu_seconds() const;
  /// In bytes; `field` is one of /proc/PID/status.
  [[nodiscard]] std::uint64_t memory(const std::string& field) const;

  std::string directory_;
  clockid_t clock_{};
  std::uint64_t memory_before_ = 0;
  double cpu_seconds_before_ = 0;
};

struct Stored {
  std::uint64_t bytes = 0;  ///< that files and directories take on the disk
  std::uint64_t files = 0;
};

/// Below this directory.
[[nodiscard]] Stored stored_in(const std::filesystem::path& directory);

}  // namespace bench
