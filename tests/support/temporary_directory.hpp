// A directory for one test. It goes with its object, but not with a forked child's copy of it.
#pragma once

#include <string>
#include <sys/types.h>

namespace accrete::test {

class TemporaryDirectory {
 public:
  /// Inside the directory `parent`; empty asks for TMPDIR, or /tmp.
  explicit TemporaryDirectory(const std::string& parent = {});
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  pid_t owner_;
};

/// Where files are made fastest, for tests that make very many and do not care about the disk.
[[nodiscard]] std::string memory_directory();

}  // namespace accrete::test
