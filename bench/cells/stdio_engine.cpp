// The C library: a FILE for each key, kept open for the next append.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <gnu/libc-version.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>

#include "engine.hpp"

namespace bench {
namespace {

void check(bool succeeded, std::string_view key) {
  if (!succeeded) throw std::system_error(errno, std::generic_category(), "the file of '" + std::string(key) + "'");
}

using File = Owned<std::FILE, std::fclose>;

/// fclose walks a list of all that are open: with 20,000 of them, it takes half a millisecond.
std::size_t open_files_limit() {
  constexpr std::size_t left_for_others = 100;
  constexpr std::size_t most = 2048;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return std::min<std::size_t>(limit.rlim_cur - left_for_others, most);
}

class StdioSession : public Session {
 public:
  explicit StdioSession(const CellOptions& setup)
      : directory_(setup.directory.string() + "/"), durable_(setup.durable) {}

  void append(std::span<const Entry> batch) override {
    for (const auto& [key, bytes] : batch)
      check(std::fwrite(bytes.data(), 1, bytes.size(), file_of(key)) == bytes.size(), key);
    if (durable_) sync(batch);
  }

  void flush() override {
    for (const auto& [key, file] : files_) check(std::fflush(file.get()) == 0, key);
  }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    for (const std::string_view key : keys) {
      const File file(std::fopen((directory_ + std::string(key)).c_str(), "rb"));
      check(file || errno == ENOENT, key);
      struct stat status {};
      check(!file || ::fstat(::fileno(file.get()), &status) == 0, key);
      const auto size = static_cast<std::size_t>(status.st_size);
      // NOLINTNEXTLINE(modernize-avoid-c-arrays): a string would be filled with zeros first
      const auto bytes = std::make_unique_for_overwrite<char[]>(size);
      check(!file || std::fread(bytes.get(), 1, size, file.get()) == size, key);
      sink({bytes.get(), size});
    }
  }

 private:
  /// Where there are too many, all are closed, and those that are appended to often are soon open again.
  std::FILE* file_of(std::string_view key) {
    if (const auto found = files_.find(key); found != files_.end()) return found->second.get();
    if (files_.size() == limit_) {
      flush();
      files_.clear();
    }
    File file(std::fopen((directory_ + std::string(key)).c_str(), "ab"));
    check(file != nullptr, key);
    return files_.emplace(key, std::move(file)).first->second.get();
  }

  void sync(std::span<const Entry> batch) {
    std::unordered_set<std::string_view> synced;
    for (const Entry& entry : batch) {
      if (!synced.insert(entry.key).second) continue;
      std::FILE* const file = file_of(entry.key);
      check(std::fflush(file) == 0 && ::fdatasync(::fileno(file)) == 0, entry.key);
    }
  }

  std::string directory_;
  bool durable_;
  std::size_t limit_ = open_files_limit();
  std::unordered_map<std::string_view, File> files_;  // keys lie in the workload
};

const Traits traits{.level = Level::memory, .numeric = true};
const bool is_added =
    add_engine({"stdio", "stdio, a file a key", ::gnu_get_libc_version(), engine_of<StdioSession>, traits});

}  // namespace
}  // namespace bench
