// One pattern and one engine: append, read back and check, destroy.
#include <algorithm>
#include <malloc.h>
#include <nlohmann/json.hpp>
#include <random>
#include <sys/stat.h>

#include "engine.hpp"

namespace bench {
namespace {

using nlohmann::json;

// What a get asks for. Every engine that takes several keys is fastest with about a mebibyte of values: more of them
// are in memory that the operating system has to make first.
constexpr std::size_t keys_of_get = 1000;
constexpr std::uint64_t bytes_of_get = std::uint64_t{1} << 20;

/// From here on memory that is freed stays in the process, as glibc has it once blocks as large have been freed: else
/// it is chance whether one was, and where none was, making memory anew takes as long as reading.
void keep_freed_memory() {
  constexpr int largest_threshold = 32 << 20;  // of those that glibc sets by itself
  ::mallopt(M_MMAP_THRESHOLD, largest_threshold);
  ::mallopt(M_TRIM_THRESHOLD, 2 * largest_threshold);
}

void refuse_what_it_cannot(const EngineType& engine, const CellOptions& options) {
  const auto refuse = [&](bool is_asked, const char* why) {
    if (is_asked) throw Unavailable(engine.title + why);
  };
  const Traits& can = engine.traits;
  refuse(options.processes > 1 && !can.processes, " is for one process at a time");
  refuse(options.durable && !can.durable, " cannot sync");
  refuse(options.workload.numeric && !can.numeric, " has no arrays of numbers");
  refuse(!options.workload.numeric && !can.bytes, " holds only arrays of numbers");
}

Taken time_appends(const Engine& engine, const Workload& workload, const CellOptions& options) {
  const auto prepare = [&](std::size_t process) -> Work {
    const std::shared_ptr<Session> session = engine.open();
    const auto entries = std::make_shared<std::vector<Entry>>(options.batch);
    const Cursor begin(workload, process, options.processes);
    session->prepare(begin, *entries);
    return [=] {
      const std::span<Entry> batch(*entries);
      Cursor cursor = begin;
      while (const std::size_t count = cursor.next(batch)) session->append(batch.first(count));
      session->flush();
      return session->uncounted();
    };
  };
  return run_together(options.processes, engine.server.get(), prepare, engine.flush);
}

/// Keys that are read together.
struct Group {
  std::vector<std::uint64_t> numbers;
  std::vector<std::string_view> keys;
};

/// Of the keys in a random order that is always the same: those that have a value, or all.
std::vector<Group> make_groups(const Workload& workload, const Expectation& expectation, bool with_missing_keys) {
  constexpr std::uint64_t order_seed = 3;
  std::vector<std::uint64_t> order;
  for (std::uint64_t key = 0; key < workload.keys(); ++key) {
    if (with_missing_keys || expectation.size_of(key) > 0) order.push_back(key);
  }
  std::ranges::shuffle(order, std::mt19937_64(order_seed));

  std::vector<Group> groups;
  std::uint64_t bytes = 0;
  for (const std::uint64_t key : order) {
    bytes += expectation.size_of(key);
    if (groups.empty() || groups.back().keys.size() == keys_of_get || bytes > bytes_of_get) {
      groups.emplace_back();
      bytes = expectation.size_of(key);
    }
    groups.back().numbers.push_back(key);
    groups.back().keys.push_back(workload.key(key));
  }
  return groups;
}

/// Returns how long the gets took, opening included.
double time_gets(const Engine& engine, const std::vector<Group>& groups) {
  std::uint64_t bytes = 0;
  std::unique_ptr<Session> session;  // closing is not timed
  return seconds_of([&] {
    session = engine.open();
    for (const Group& group : groups) session->get(group.keys, [&](std::string_view value) { bytes += value.size(); });
  });
}

void verify(const Engine& engine, const std::vector<Group>& groups, const Expectation& expectation) {
  const std::unique_ptr<Session> session = engine.open();
  for (const Group& group : groups) {
    std::size_t count = 0;
    session->get(group.keys, [&](std::string_view value) { expectation.check(group.numbers.at(count++), value); });
    if (count != group.keys.size()) throw std::runtime_error("a get has not returned a value for each key");
  }
}

/// (bytes that files and directories take on the disk, number of files)
std::pair<std::uint64_t, std::uint64_t> stored_in(const std::filesystem::path& directory) {
  constexpr std::uint64_t block_size = 512;  // of st_blocks, whatever the file system's is
  std::uint64_t blocks = 0;
  std::uint64_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0) continue;
    blocks += static_cast<std::uint64_t>(status.st_blocks);
    if (S_ISREG(status.st_mode)) ++files;
  }
  return {blocks * block_size, files};
}

double time_destroy(const Engine& engine, const std::filesystem::path& directory) {
  engine.stop();  // a server that stops may write what is due, and that is no part of destroying
  return seconds_of([&] {
    engine.destroy();
    std::filesystem::remove_all(directory);
  });
}

}  // namespace

json run_cell(const EngineType& type, const CellOptions& options) {
  refuse_what_it_cannot(type, options);
  const Workload workload(options.workload);
  const Engine engine = type.make(options);
  const Taken appends = time_appends(engine, workload, options);
  const auto [stored_bytes, stored_files] = stored_in(options.directory);

  keep_freed_memory();
  json seconds = {{"append", appends.seconds}, {"get", nullptr}};
  {
    const Expectation expectation(workload, options.processes);
    if (options.gets) seconds["get"] = time_gets(engine, make_groups(workload, expectation, false));
    verify(engine, make_groups(workload, expectation, true), expectation);
  }
  seconds["destroy"] = time_destroy(engine, options.directory);

  const bool durable = options.durable || type.traits.level == Level::sync;
  return {
      {"state", durable ? "durable" : "cached"}, {"seconds", seconds},           {"cpu_seconds", appends.cpu_seconds},
      {"memory_bytes", appends.memory_bytes},    {"stored_bytes", stored_bytes}, {"stored_files", stored_files}};
}

}  // namespace bench
