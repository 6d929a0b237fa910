// A server that runs as long as a cell needs it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace bench {

/// A child process. It dies with this one, however this one ends.
class ServerProcess {
 public:
  /// Runs `command` in `directory`, and waits for `ready_text`.
  ServerProcess(const std::vector<std::string>& command, const std::filesystem::path& directory,
                std::string_view ready_text)
      : ServerProcess(command, directory) {
    wait_for(ready_text);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  /// Kills it, unless it was stopped.
  ~ServerProcess();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// Returns when it has printed this text. Throws with what it printed if it ends instead.
  void wait_for(std::string_view text) const;
  /// What it has printed.
  [[nodiscard]] std::string output() const;

  /// Asks it to end, and waits until it has. Throws if it says that it has failed.
  void stop();

 private:
  ServerProcess(const std::vector<std::string>& command, const std::filesystem::path& directory);

  std::string program_;
  int output_ = -1;  ///< a file in memory, so that nothing of it is on the disk that is measured
  pid_t pid_ = -1;
};

}  // namespace bench
