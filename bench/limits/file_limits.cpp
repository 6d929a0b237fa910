// Limits of files: writes to and reads from the page cache, syncs, and files that come and go. All are made in the
// working directory.
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
#include <filesystem>
#include <map>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "os/descriptor.hpp"
#include "timing.hpp"

namespace bench {
namespace {

using accrete::Descriptor;

/// Of a call that returns this if it succeeds.
void check(auto result, auto expected, const char* call) {
  if (result != static_cast<decltype(result)>(expected)) throw std::system_error(errno, std::generic_category(), call);
}

Descriptor open_file(const std::string& name, int flags) {
  Descriptor file(::open(name.c_str(), flags | O_CLOEXEC, 0666));
  check(file.get() >= 0, true, name.c_str());
  return file;
}

void write(const Descriptor& file, const char* bytes, std::size_t size) {
  check(::write(file.get(), bytes, size), size, "write");
}

void read_at(const Descriptor& file, std::size_t offset, char* to, std::size_t size) {
  check(::pread(file.get(), to, size, static_cast<off_t>(offset)), size, "pread");
}

void remove_file(const std::string& name) { check(::unlink(name.c_str()), 0, "unlink"); }

constexpr int new_file = O_WRONLY | O_CREAT | O_EXCL;

/// Writes `total` bytes in writes of `piece` each, out of a buffer of 1 MiB.
void fill(const Descriptor& file, std::size_t total, std::size_t piece, const Memory& source) {
  for (std::size_t written = 0; written < total; written += piece)
    write(file, source.get() + written % mebibyte, piece);
}

constexpr std::size_t file_size = 256 * mebibyte;

void write_to_page_cache(benchmark::State& state, std::size_t write_size) {
  const Memory source = touched_memory(mebibyte);
  for (auto _ : state) {
    const Descriptor file = open_file("written", new_file);
    time_only(state, [&] { fill(file, file_size, write_size, source); });
    remove_file("written");
  }
  set_bytes(state, file_size);
}

void read_from_page_cache(benchmark::State& state, std::size_t read_size) {
  const Memory buffer = touched_memory(mebibyte);
  fill(open_file("read", new_file), file_size, mebibyte, buffer);
  const Descriptor file = open_file("read", O_RDONLY);
  for (auto _ : state) {
    for (std::size_t at = 0; at < file_size; at += read_size) read_at(file, at, buffer.get(), read_size);
  }
  remove_file("read");
  set_bytes(state, file_size);
}

constexpr std::size_t syncs = 50;  // of which the mean counts, since some commit more than others

/// Batch by batch, each synced, behind what a file has or over it. Where a journal grows, each sync also commits where
/// the file ends; in place, there is nothing to commit but the bytes.
void write_and_sync(benchmark::State& state, bool grows) {
  const std::string batch(100'000, 'x');
  const Descriptor file = open_file("journal", new_file);
  const auto sync = [&] { check(::fdatasync(file.get()), 0, "fdatasync"); };
  for (std::size_t i = 0; i < syncs; ++i) write(file, batch.data(), batch.size());
  sync();
  if (!grows) check(::lseek(file.get(), 0, SEEK_SET), 0, "lseek");
  for (auto _ : state) {
    write(file, batch.data(), batch.size());
    sync();
  }
  remove_file("journal");
}

constexpr std::size_t small_files = 5000;
constexpr std::size_t small_size = 100;

/// Does the work for the small files of a directory that holds nothing else; each repetition has one of its own. What
/// is made is then read and then removed, in this order: an ext4 without a journal passes over the inodes that it has
/// just removed, one by one.
void for_files(benchmark::State& state, void (*work)(const std::string& name)) {
  static std::map<void (*)(const std::string&), int> repetitions;
  const std::string place = "small-" + std::to_string(repetitions[work]++) + "/";
  std::filesystem::create_directory(place);
  std::size_t number = 10'000'000;
  for (auto _ : state) work(place + std::to_string(number++));
  state.SetItemsProcessed(state.iterations());
}

void make_file(const std::string& name) {
  write(open_file(name, new_file), std::string(small_size, 'x').data(), small_size);
}

void read_file(const std::string& name) {
  std::string to(small_size, '\0');
  const Descriptor file = open_file(name, O_RDONLY);
  struct stat status {};
  check(::fstat(file.get(), &status), 0, "fstat");
  check(status.st_size, small_size, "a file with another size");
  read_at(file, 0, to.data(), to.size());
}

/// A file that nobody has synced: a dataset that is destroyed soon is not yet written to the disk, either.
void unlink_large_file(benchmark::State& state) {
  constexpr std::size_t size = 1024 * mebibyte;
  const Memory source = touched_memory(mebibyte);
  for (auto _ : state) {
    fill(open_file("large", new_file), size, mebibyte, source);
    time_only(state, [] { remove_file("large"); });
  }
  set_bytes(state, size);
}

BENCHMARK_CAPTURE(write_to_page_cache, 4k, 4096)->Name("page_cache_write_4k")->UseManualTime();
BENCHMARK_CAPTURE(write_to_page_cache, 64k, 65'536)->Name("page_cache_write_64k")->UseManualTime();
BENCHMARK_CAPTURE(write_to_page_cache, 1m, mebibyte)->Name("page_cache_write_1m")->UseManualTime();
BENCHMARK_CAPTURE(read_from_page_cache, 64k, 65'536)->Name("page_cache_read_64k")->UseRealTime();
BENCHMARK_CAPTURE(read_from_page_cache, 1m, mebibyte)->Name("page_cache_read_1m")->UseRealTime();
BENCHMARK_CAPTURE(write_and_sync, grows, true)->Name("fdatasync")->UseRealTime()->Iterations(syncs);
BENCHMARK_CAPTURE(write_and_sync, in_place, false)->Name("fdatasync_overwrite")->UseRealTime()->Iterations(syncs);
BENCHMARK_CAPTURE(for_files, make, make_file)->Name("file_creation")->UseRealTime()->Iterations(small_files);
BENCHMARK_CAPTURE(for_files, read, read_file)->Name("file_read")->UseRealTime()->Iterations(small_files);
BENCHMARK_CAPTURE(for_files, remove, remove_file)->Name("file_removal")->UseRealTime()->Iterations(small_files);
BENCHMARK(unlink_large_file)->Name("unlink_bytes")->UseManualTime()->Iterations(1);

}  // namespace
}  // namespace bench
