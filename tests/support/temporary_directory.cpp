#include "support/temporary_directory.hpp"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace accrete::test {

TemporaryDirectory::TemporaryDirectory(const std::string& parent) : owner_(::getpid()) {
  path_ = (parent.empty() ? std::filesystem::temp_directory_path().string() : parent) + "/accrete-test-XXXXXX";
  if (!::mkdtemp(path_.data())) throw std::system_error(errno, std::generic_category(), "mkdtemp " + path_);
}

TemporaryDirectory::~TemporaryDirectory() {
  if (::getpid() != owner_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string memory_directory() {
  constexpr const char* shared_memory = "/dev/shm";
  return ::access(shared_memory, W_OK) == 0 ? shared_memory : std::string();
}

}  // namespace accrete::test
