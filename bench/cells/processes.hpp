// Processes that begin together, and what they take; and a server that runs as long as a cell needs it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;  // one for all processes

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double seconds_of(const auto& work) {
  const auto begin = Clock::now();
  work();
  return seconds_since(begin);
}

/// A child process. It dies with this one, however this one ends.
class ServerProcess {
 public:
  /// Runs `command` in `directory`, and waits for `ready_text`.
  ServerProcess(std::vector<std::string> command, const std::filesystem::path& directory, std::string_view ready_text);
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  /// Kills it, unless it was stopped.
  ~ServerProcess();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// Returns when it has printed this text. Throws with what it printed if it ends instead.
  void wait_for(std::string_view text);
  /// What it has printed, as far as it was waited for.
  [[nodiscard]] const std::string& output() const noexcept { return output_; }

  /// Asks it to end, and waits until it has. Throws if it says that it has failed.
  void stop();

 private:
  bool read_output();

  std::string program_;
  std::string output_;
  int pipe_ = -1;
  pid_t pid_ = -1;
};

struct Taken {
  double seconds = 0;              ///< until the last process is done
  double cpu_seconds = 0;          ///< of all processes, the server included
  std::uint64_t memory_bytes = 0;  ///< growth of the resident memory, at its peak, of all of them
};

/// What is timed; returns the part of it that is not to count, but for memory.
using Work = std::function<Taken()>;

/// Each process prepares itself; then all do their work, which is timed, and at last this one finishes. One of them is
/// this one; the others are forked from it. What a process holds for its work goes with the Work, after the clock has
/// stopped. Throws what a process throws. `server` may be null.
Taken run_together(std::size_t processes, const ServerProcess* server,
                   const std::function<Work(std::size_t process)>& prepare, const std::function<void()>& finish);

}  // namespace bench
