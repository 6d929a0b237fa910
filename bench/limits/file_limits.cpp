// Limits of files: writes to and reads from the page cache, syncs, and files that come and go.
//
// The writes' source is one buffer of 1 MiB, of which each write takes the next part: what a store hands over it has
// just copied there, so that it is still in the second-level cache. Measured on ext4 (Linux 6.18, Xeon of 2023), in
// GB/s for writes of 4 KiB, 64 KiB and 1 MiB:
//   source of 64 KiB   1.4   3.7   -
//   source of 1 MiB    1.4   3.5   4.2
//   source of 64 MiB   1.4   3.0   3.3
// So a larger write never costs more a byte. It only seems to if the source of the small ones stays in a cache and that
// of the large ones does not. Where a file of its own is written per key, or writes do not end where pages do (65,500 B
// instead of 64 KiB), it takes up to a quarter longer; a limit has neither.
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "limits/limits.hpp"
#include "limits/mapped_memory.hpp"
#include "limits/timing.hpp"

namespace bench {
namespace {

using std::filesystem::path;

constexpr std::size_t rounds = 3;

[[noreturn]] void fail(const char* what, const path& file) {
  throw std::system_error(errno, std::generic_category(), std::string("cannot ") + what + " '" + file.string() + "'");
}

class OpenFile {
 public:
  OpenFile(path name, int flags) : name_(std::move(name)), fd_(::open(name_.c_str(), flags | O_CLOEXEC, 0666)) {
    if (fd_ < 0) fail("open", name_);
  }
  ~OpenFile() { ::close(fd_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  void write(std::string_view bytes) const {
    if (::write(fd_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) fail("write to", name_);
  }
  void write_at(std::size_t offset, std::string_view bytes) const {
    const auto at = static_cast<off_t>(offset);
    if (::pwrite(fd_, bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size())) fail("write to", name_);
  }
  void read_at(std::size_t offset, char* to, std::size_t size) const {
    if (::pread(fd_, to, size, static_cast<off_t>(offset)) != static_cast<ssize_t>(size)) fail("read", name_);
  }
  void sync() const {
    if (::fdatasync(fd_) != 0) fail("sync", name_);
  }
  [[nodiscard]] std::size_t size() const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail("look at", name_);
    return static_cast<std::size_t>(status.st_size);
  }

 private:
  path name_;
  int fd_;
};

void remove_file(const path& name) {
  if (::unlink(name.c_str()) != 0) fail("remove", name);
}

constexpr int new_file = O_WRONLY | O_CREAT | O_EXCL;

/// Writes `total` bytes in writes of `piece` each, out of a buffer of 1 MiB.
void fill(const OpenFile& file, std::size_t total, std::size_t piece, const MappedMemory& source) {
  std::size_t at = 0;
  for (std::size_t written = 0; written < total; written += piece) {
    if (at + piece > source.size()) at = 0;
    file.write({source.data() + at, piece});
    at += piece;
  }
}

constexpr std::size_t file_size = 256 * mebibyte;

double write_rate(const path& directory, std::size_t write_size) {
  const MappedMemory source(mebibyte);
  const path name = directory / "written";
  return file_size / median_of(rounds, [&] {
           const OpenFile file(name, new_file);
           const double seconds = seconds_of([&] { fill(file, file_size, write_size, source); });
           remove_file(name);
           return seconds;
         });
}

double read_rate(const path& directory, std::size_t read_size) {
  const MappedMemory buffer(mebibyte);
  const path name = directory / "read";
  fill(OpenFile(name, new_file), file_size, mebibyte, buffer);
  const OpenFile file(name, O_RDONLY);
  const double seconds = median_of(rounds, [&] {
    return seconds_of([&] {
      for (std::size_t at = 0; at < file_size; at += read_size) file.read_at(at, buffer.data(), read_size);
    });
  });
  remove_file(name);
  return file_size / seconds;
}

constexpr std::size_t batch_size = 100'000;
constexpr std::size_t syncs = 50;

/// The mean, since some syncs commit more than others.
double mean_sync(const std::function<void(std::size_t)>& write_and_sync) {
  return seconds_of([&] {
           for (std::size_t i = 0; i < syncs; ++i) write_and_sync(i);
         }) /
         syncs;
}

/// As a journal grows: each sync also commits where the file ends.
double append_and_sync(const path& directory) {
  const std::string batch(batch_size, 'x');
  const path name = directory / "journal";
  const OpenFile file(name, new_file | O_APPEND);
  file.write(batch);
  file.sync();
  const double seconds = mean_sync([&](std::size_t) {
    file.write(batch);
    file.sync();
  });
  remove_file(name);
  return seconds;
}

/// In place, in a file that has been written before: there is nothing to commit but the bytes.
double overwrite_and_sync(const path& directory) {
  const std::string batch(batch_size, 'x');
  const path name = directory / "journal";
  const OpenFile file(name, new_file);
  for (std::size_t i = 0; i < syncs; ++i) file.write(batch);
  file.sync();
  const double seconds = mean_sync([&](std::size_t i) {
    file.write_at(i * batch_size, batch);
    file.sync();
  });
  remove_file(name);
  return seconds;
}

/// Many files of 100 B in directories that hold nothing else. None is made after one was removed: without a journal,
/// ext4 passes over the inodes that it has just removed, one by one.
class SmallFiles {
 public:
  explicit SmallFiles(path directory) : directory_(std::move(directory)) {}

  double creation_rate() { return rates().creation; }
  double read_rate() { return rates().reading; }
  double removal_rate() { return rates().removal; }

 private:
  static constexpr std::size_t count = 5000;

  struct Rates {
    double creation = 0;
    double reading = 0;
    double removal = 0;
  };

  /// All three, once, since each needs what the one before leaves.
  const Rates& rates() {
    if (!rates_) rates_ = measure();
    return *rates_;
  }

  [[nodiscard]] Rates measure() const {
    Rates rates;
    rates.creation = rate([&](const path& name) { OpenFile(name, new_file).write(bytes_); },
                          [](const path& place) { std::filesystem::create_directory(place); });
    rates.reading = rate([&](const path& name) { read(name); });
    rates.removal = rate(remove_file);
    for (std::size_t round = 0; round < rounds; ++round) std::filesystem::remove(place(round));
    return rates;
  }

  void read(const path& name) const {
    std::string to(bytes_.size(), '\0');
    const OpenFile file(name, O_RDONLY);
    if (file.size() != to.size()) throw std::runtime_error("'" + name.string() + "' has another size");
    file.read_at(0, to.data(), to.size());
  }

  [[nodiscard]] path place(std::size_t round) const { return directory_ / ("small-" + std::to_string(round)); }

  using Work = std::function<void(const path&)>;

  /// Of the median round, each in a place of its own.
  [[nodiscard]] double rate(
      const Work& work, const Work& prepare = [](const path&) {}) const {
    std::vector<double> rates(rounds);
    for (std::size_t round = 0; round < rounds; ++round) {
      prepare(place(round));
      rates[round] = count / seconds_of([&] {
                       for (std::size_t i = 0; i < count; ++i) work(place(round) / std::to_string(10'000'000 + i));
                     });
    }
    return median(rates);
  }

  const path directory_;
  const std::string bytes_ = std::string(100, 'x');
  std::optional<Rates> rates_{};
};

/// A file that nobody has synced: a dataset that is destroyed soon is not yet written to the disk, either.
double unlink_rate(const path& directory) {
  constexpr std::size_t size = 1024 * mebibyte;
  const MappedMemory source(mebibyte);
  const path name = directory / "large";
  return size / median_of(rounds, [&] {
           fill(OpenFile(name, new_file), size, mebibyte, source);
           return seconds_of([&] { remove_file(name); });
         });
}

}  // namespace

Limits file_limits(const path& directory) {
  constexpr std::size_t kibibyte = 1024;
  const auto small = std::make_shared<SmallFiles>(directory);
  return {
      {"page_cache_write_4k", "bytes/s", [=] { return write_rate(directory, 4 * kibibyte); }},
      {"page_cache_write_64k", "bytes/s", [=] { return write_rate(directory, 64 * kibibyte); }},
      {"page_cache_write_1m", "bytes/s", [=] { return write_rate(directory, mebibyte); }},
      {"page_cache_read_64k", "bytes/s", [=] { return read_rate(directory, 64 * kibibyte); }},
      {"page_cache_read_1m", "bytes/s", [=] { return read_rate(directory, mebibyte); }},
      {"fdatasync", "s", [=] { return append_and_sync(directory); }},
      {"fdatasync_overwrite", "s", [=] { return overwrite_and_sync(directory); }},
      {"file_creation", "1/s", [=] { return small->creation_rate(); }},
      {"file_read", "1/s", [=] { return small->read_rate(); }},
      {"file_removal", "1/s", [=] { return small->removal_rate(); }},
      {"unlink_bytes", "bytes/s", [=] { return unlink_rate(directory); }},
  };
}

}  // namespace bench
