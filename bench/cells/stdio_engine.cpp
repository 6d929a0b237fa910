// The C library: a FILE for each key, kept open for the next append.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <gnu/libc-version.h>
#include <memory>
#include <sys/resource.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>

#include "engine.hpp"

namespace bench {
namespace {

[[noreturn]] void fail(const std::string& action, const std::string& path) {
  throw std::system_error(errno, std::generic_category(), "cannot " + action + " '" + path + "'");
}

struct Close {
  void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

File open_file(const std::string& path, const char* mode) {
  File file(std::fopen(path.c_str(), mode));
  if (!file) fail("open", path);
  return file;
}

void flush_file(std::FILE* file) {
  if (std::fflush(file) != 0) fail("flush", "the file of a key");
}

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
  StdioSession(std::string directory, bool durable) : directory_(std::move(directory)), durable_(durable) {}

  void append(std::span<const Entry> batch) override {
    for (const Entry& entry : batch) {
      std::FILE* const file = file_of(entry.key);
      if (std::fwrite(entry.bytes.data(), 1, entry.bytes.size(), file) != entry.bytes.size())
        fail("append to", std::string(entry.key));
    }
    if (durable_) sync(batch);
  }

  void flush() override {
    for (const auto& [key, file] : files_) flush_file(file.get());
  }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Value value = read(directory_ + std::string(keys[i]));
      sink(i, {value.bytes.get(), value.size});
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
    const std::string path = directory_ + std::string(key);
    return files_.emplace(key, open_file(path, "ab")).first->second.get();
  }

  void sync(std::span<const Entry> batch) {
    std::unordered_set<std::string_view> synced;
    for (const Entry& entry : batch) {
      if (!synced.insert(entry.key).second) continue;
      std::FILE* const file = file_of(entry.key);
      flush_file(file);
      if (::fdatasync(::fileno(file)) != 0) fail("sync", std::string(entry.key));
    }
  }

  struct Value {
    std::unique_ptr<char[]> bytes;  // NOLINT(modernize-avoid-c-arrays): a string would be filled with zeros first
    std::size_t size = 0;
  };

  static Value read(const std::string& path) {
    const File file(std::fopen(path.c_str(), "rb"));
    if (!file && errno == ENOENT) return {};
    struct stat status {};
    if (!file || ::fstat(::fileno(file.get()), &status) != 0) fail("open", path);
    const auto size = static_cast<std::size_t>(status.st_size);
    // NOLINTNEXTLINE(modernize-avoid-c-arrays)
    Value value{.bytes = std::make_unique_for_overwrite<char[]>(size), .size = size};
    if (std::fread(value.bytes.get(), 1, size, file.get()) != size) fail("read", path);
    return value;
  }

  std::string directory_;
  bool durable_;
  std::size_t limit_ = open_files_limit();
  std::unordered_map<std::string_view, File> files_;  // keys lie in the workload
};

Engine make_engine(const CellOptions& setup) {
  const std::filesystem::path directory = setup.directory / "values";
  std::filesystem::create_directory(directory);
  return {.open = [=, durable =
                          setup.durable] { return std::make_unique<StdioSession>(directory.string() + "/", durable); },
          .destroy = [=] { std::filesystem::remove_all(directory); }};
}

const bool is_added = add_engine({.description = {.name = "stdio",
                                                  .title = "stdio, a file a key",
                                                  .version = ::gnu_get_libc_version(),
                                                  .level = Level::memory,
                                                  .numeric = true},
                                  .make = make_engine});

}  // namespace
}  // namespace bench
