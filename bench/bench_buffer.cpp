// Times small appends through a buffer over a dataset, its flush included, beside a bare loop that copies the same
// bytes into a chunk a key and writes each chunk that is full: bench_buffer DIRECTORY [APPENDS]
//
// Prints "pattern<TAB>subject<TAB>million appends a second<TAB>seconds of CPU<TAB>MB of memory beyond the start".
#include <accrete/accrete.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "bare_value.hpp"
#include "workload.hpp"

namespace {

using bench::entry_bytes;
using bench::entry_size;
using bench::key_count;
using bench::make_keys;

constexpr std::uint64_t limit_bytes = std::uint64_t{256} << 20;

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

rusage usage() {
  rusage now{};
  ::getrusage(RUSAGE_SELF, &now);
  return now;
}

/// In a process of its own, so that each subject's memory is its own.
template <class Work>
void report(const char* subject, std::size_t appends, const Work& work) {
  ::sync();
  const pid_t pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid == 0) {
    const rusage before = usage();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    const rusage after = usage();
    const double cpu = seconds_of(after.ru_utime) + seconds_of(after.ru_stime) - seconds_of(before.ru_utime) -
                       seconds_of(before.ru_stime);
    std::cout << "buffered append\t" << subject << '\t' << static_cast<double>(appends) / taken.count() / 1e6 << '\t'
              << cpu << '\t' << static_cast<double>(after.ru_maxrss - before.ru_maxrss) / 1024 << std::endl;
    std::_Exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) throw std::runtime_error(std::string(subject) + " has failed");
}

void append_all(accrete::Store& store, std::size_t appends) {
  const std::vector<std::string> keys = make_keys();
  for (std::size_t i = 0; i < appends; ++i) store.append(keys[i % key_count], entry_bytes);
}

void check(const std::string& dataset, std::size_t appends) {
  const auto store = accrete::open(dataset);
  if (store->stats().bytes != appends * entry_size) throw std::runtime_error("the dataset lacks what was appended");
  if (store->size(make_keys().back()) != appends / key_count * entry_size)
    throw std::runtime_error("a key lacks bytes");
}

void bench_buffer(const std::string& dataset, const char* subject, accrete::Durability durability,
                  std::size_t appends) {
  accrete::create(dataset);
  report(subject, appends, [&] {
    const auto store = accrete::open(
        dataset, {.buffer = accrete::BufferOptions{.limit_bytes = limit_bytes}, .durability = durability});
    append_all(*store, appends);
    store->flush();
  });
  check(dataset, appends);
}

void bench_bare(const std::filesystem::path& directory, std::size_t appends) {
  std::filesystem::create_directory(directory);
  report("bare copy and write", appends, [&] {
    std::vector<bench::BareValue> values;
    for (const std::string& key : make_keys()) values.emplace_back(directory / key);
    for (std::size_t i = 0; i < appends; ++i) values[i % key_count].append(entry_bytes);
    for (bench::BareValue& value : values) value.flush();
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::cerr << "usage: bench_buffer DIRECTORY [APPENDS]\n";
    return 2;
  }
  try {
    const std::filesystem::path place = argv[1];
    const std::size_t appends = argc == 3 ? std::stoul(argv[2]) / key_count * key_count : 10'000'000;
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    bench_bare(place / "buffer.bare", appends);
    bench_buffer(place / "buffer.memory", "accrete, memory", accrete::Durability::memory, appends);
    bench_buffer(place / "buffer.os", "accrete, os", accrete::Durability::os, appends);
    // Not before: ext4 looks long for an inode where many have just been removed.
    std::filesystem::remove_all(place / "buffer.bare");
    for (const char* const dataset : {"buffer.memory", "buffer.os"}) accrete::destroy((place / dataset).string());
  } catch (const std::exception& error) {
    std::cerr << "bench_buffer: " << error.what() << '\n';
    return 1;
  }
}
