// Times one-key puts, batches and durable batches of small entries, each beside the bare system calls that put the same
// bytes into files: bench_puts DIRECTORY
//
// Prints "pattern<TAB>subject<TAB>nanoseconds per unit of the pattern". Patterns and sizes are those of partd_puts.py.
// Every key has been appended to once before the clock starts, so what is timed is appending, not creating.
#include <accrete/accrete.hpp>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "workload.hpp"

namespace {

using bench::entry_bytes;
using bench::entry_size;
using bench::key_count;
using bench::make_keys;

constexpr std::size_t rounds = 100;  // each puts one entry to every key
constexpr std::size_t durable_rounds = 50;

/// The bare calls need a descriptor a key; the limit is often just above what there are keys.
void raise_open_files_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// `unit_count` is how many units (entries or batches) `work` does.
template <class Work>
void report(const char* pattern, const char* subject, std::size_t unit_count, const Work& work) {
  ::sync();  // so that nobody pays for what another has left to be written back
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
  std::cout << pattern << '\t' << subject << '\t' << taken.count() / static_cast<double>(unit_count) << '\n';
}

void bench_store(const std::string& dataset) {
  const std::vector<std::string> keys = make_keys();
  std::vector<accrete::Entry> batch;
  for (const std::string& key : keys) batch.push_back({.key = key, .bytes = entry_bytes});

  accrete::create(dataset);
  const auto store = accrete::open(dataset);
  store->append_batch(batch);
  report("one-key put", "accrete", rounds * key_count, [&] {
    for (std::size_t round = 0; round < rounds; ++round) {
      for (const std::string& key : keys) store->append(key, entry_bytes);
    }
  });
  report("batched put", "accrete", rounds * key_count, [&] {
    for (std::size_t round = 0; round < rounds; ++round) store->append_batch(batch);
  });
  report("durable batch", "accrete", durable_rounds, [&] {
    for (std::size_t round = 0; round < durable_rounds; ++round) store->append_batch(batch, {.sync = true});
  });

  constexpr std::size_t appends_a_key = 1 + 2 * rounds + durable_rounds;
  for (const std::string& key : keys) {
    if (store->size(key) != entry_size * appends_a_key) throw std::runtime_error("the dataset lacks what was put");
  }
  accrete::destroy(dataset);
}

class AppendDescriptor {
 public:
  explicit AppendDescriptor(const std::string& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
    check(fd_);
  }
  AppendDescriptor(AppendDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  AppendDescriptor& operator=(AppendDescriptor&&) = delete;
  ~AppendDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  void write(const std::string& bytes) const { check(::write(fd_, bytes.data(), bytes.size())); }
  void sync() const { check(::fdatasync(fd_)); }

 private:
  static void check(ssize_t result) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), "bare call");
  }

  int fd_;
};

void bench_bare_calls(const std::filesystem::path& directory) {
  std::filesystem::create_directory(directory);
  std::vector<AppendDescriptor> files;
  for (const std::string& key : make_keys()) {
    files.emplace_back(directory / key);
    files.back().write(entry_bytes);
  }
  const auto write_all = [&] {
    for (std::size_t round = 0; round < rounds; ++round) {
      for (const AppendDescriptor& file : files) file.write(entry_bytes);
    }
  };
  report("one-key put", "bare write", rounds * key_count, write_all);
  report("batched put", "bare write", rounds * key_count, write_all);

  const AppendDescriptor journal(directory / "journal");
  const std::string batch_bytes(key_count * entry_size, 'x');
  report("durable batch", "bare write + fdatasync", durable_rounds, [&] {
    for (std::size_t round = 0; round < durable_rounds; ++round) {
      journal.write(batch_bytes);
      journal.sync();
    }
  });
  std::filesystem::remove_all(directory);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: bench_puts DIRECTORY\n";
    return 2;
  }
  try {
    const std::filesystem::path place = argv[1];
    raise_open_files_limit();
    bench_store(place / "puts.accrete");
    bench_bare_calls(place / "puts.bare");
  } catch (const std::exception& error) {
    std::cerr << "bench_puts: " << error.what() << '\n';
    return 1;
  }
}
