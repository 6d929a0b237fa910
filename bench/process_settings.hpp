// What the programs set for themselves before they measure.
#pragma once

#include <cerrno>
#include <cstdint>
#include <malloc.h>
#include <sys/resource.h>
#include <system_error>

namespace bench {

/// From here on memory that is freed stays in the process, as glibc has it once blocks as large have been freed: else
/// it is chance whether one was, and where none was, making memory anew takes as long as reading.
inline void keep_freed_memory() {
  constexpr int largest_threshold = 32 << 20;  // of those that glibc sets by itself
  ::mallopt(M_MMAP_THRESHOLD, largest_threshold);
  ::mallopt(M_TRIM_THRESHOLD, 2 * largest_threshold);
}

/// To its hard limit, for this process and those that it starts.
inline void raise_open_files_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::system_error(errno, std::generic_category(), "setrlimit");
}

}  // namespace bench
