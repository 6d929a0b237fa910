// One pattern and one engine: append, read back and check, destroy.
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "engine.hpp"
#include "process_settings.hpp"

namespace bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// What a get asks for. Every engine that takes several keys is fastest with about a mebibyte of values: more of them
// are in memory that the operating system has to make first.
constexpr std::size_t keys_of_get = 1000;
constexpr std::uint64_t bytes_of_get = std::uint64_t{1} << 20;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void refuse_what_it_cannot(const Description& engine, const CellOptions& options) {
  if (options.processes > 1 && !engine.processes)
    throw Unavailable("only one process at a time can append to " + engine.title);
  if (options.durable && !engine.durable) throw Unavailable(engine.title + " cannot sync");
  if (options.workload.numeric && !engine.numeric) throw Unavailable(engine.title + " has no arrays of numbers");
  if (!options.workload.numeric && !engine.bytes) throw Unavailable(engine.title + " holds only arrays of numbers");
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
  return run_together(options.processes, engine.server ? std::optional(engine.server->pid()) : std::nullopt, prepare,
                      engine.flush);
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
  const auto begin = Clock::now();
  const std::unique_ptr<Session> session = engine.open();
  for (const Group& group : groups)
    session->get(group.keys, [&](std::size_t, std::string_view value) { bytes += value.size(); });
  return seconds_since(begin);
}

void verify(const Engine& engine, const std::vector<Group>& groups, const Expectation& expectation) {
  const std::unique_ptr<Session> session = engine.open();
  for (const Group& group : groups) {
    std::size_t count = 0;
    session->get(group.keys, [&](std::size_t i, std::string_view value) {
      expectation.check(group.numbers[i], value);
      ++count;
    });
    if (count != group.keys.size()) throw std::runtime_error("a get has not returned a value for each key");
  }
}

struct Stored {
  std::uint64_t bytes = 0;  ///< that files and directories take on the disk
  std::uint64_t files = 0;
};

Stored stored_in(const std::filesystem::path& directory) {
  constexpr std::uint64_t block_size = 512;  // of st_blocks, whatever the file system's is
  Stored stored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0) continue;
    stored.bytes += static_cast<std::uint64_t>(status.st_blocks) * block_size;
    if (S_ISREG(status.st_mode)) ++stored.files;
  }
  return stored;
}

double time_destroy(const Engine& engine) {
  engine.stop();  // a server that stops may write what is due, and that is no part of destroying
  const auto begin = Clock::now();
  engine.destroy();
  return seconds_since(begin);
}

}  // namespace

json run_cell(const EngineType& type, const CellOptions& options) {
  refuse_what_it_cannot(type.description, options);
  const Workload workload(options.workload);
  const Engine engine = type.make(options);
  const Taken appends = time_appends(engine, workload, options);
  const Stored stored = stored_in(options.directory);

  keep_freed_memory();
  json seconds = {{"append", appends.seconds}, {"get", nullptr}};
  {
    const Expectation expectation(workload, options.processes);
    if (options.time_gets) seconds["get"] = time_gets(engine, make_groups(workload, expectation, false));
    verify(engine, make_groups(workload, expectation, true), expectation);
  }
  seconds["destroy"] = time_destroy(engine);

  const bool durable = options.durable || type.description.level == Level::sync;
  return {{"engine", type.description.name},
          {"state", durable ? "durable" : "cached"},
          {"appends", workload.appends()},
          {"bytes", workload.appends() * workload.entry_bytes()},
          {"seconds", seconds},
          {"cpu_seconds", appends.cpu_seconds},
          {"memory_bytes", appends.memory_bytes},
          {"stored_bytes", stored.bytes},
          {"stored_files", stored.files},
          {"verified", true}};
}

}  // namespace bench
