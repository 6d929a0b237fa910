#include "kill/workload.hpp"

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>

#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "base/hash.hpp"

namespace accrete::test {
namespace {

// record = magic:u32 size:u32 worker:u32 number:u64 index:u32 filler checksum:u64
constexpr std::uint32_t magic = 0x4b494c4c;
constexpr std::size_t frame_size = 4 + 4 + 4 + 8 + 4 + 8;
constexpr std::uint64_t epoch = 40;  // actions for which a writer appends to one key of its own

std::string record(std::uint32_t worker, std::uint64_t number, std::size_t index, std::size_t filler_size) {
  std::string bytes;
  append_le(bytes, magic);
  append_le(bytes, static_cast<std::uint32_t>(frame_size + filler_size));
  append_le(bytes, worker);
  append_le(bytes, number);
  append_le(bytes, static_cast<std::uint32_t>(index));
  bytes.append(filler_size, static_cast<char>('a' + number % 26));
  append_le(bytes, hash64(bytes));
  return bytes;
}

std::string own_key(std::uint32_t worker, std::uint64_t number) {
  return "own-" + std::to_string(worker) + "-" + std::to_string(number / epoch);
}

}  // namespace

const std::vector<std::string>& shared_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> made;
    for (int i = 0; i < 20; ++i) made.push_back("shared " + std::to_string(i));
    for (int i = 0; i < 4; ++i) made.push_back(std::string(700, '/') + std::to_string(i));
    return made;
  }();
  return keys;
}

Action action(std::uint32_t worker, std::uint64_t number) {
  if (number % epoch == 0 && number >= 2 * epoch) {
    return {.kind = Action::Kind::erase, .erased_key = own_key(worker, number - 2 * epoch + 1)};
  }
  std::minstd_rand random(static_cast<std::uint32_t>(number * 7919 + worker));
  random.discard(3);
  Action action;
  const std::size_t count = random() % 4 == 0 ? 1 + random() % 50 : 1 + random() % 5;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t key = random() % (shared_keys().size() + 2);
    const std::size_t filler = random() % 64 == 0 ? 40'000 : random() % 60;  // some go straight through a buffer
    action.batch.entries.emplace_back(key < shared_keys().size() ? shared_keys()[key] : own_key(worker, number),
                                      record(worker, number, i, filler));
  }
  action.batch.options.sync = random() % 24 == 0;
  if (random() % 2 == 0) action.batch.options.id = BatchId{writer_id(worker), number};
  return action;
}

bool is_repeatable(const Action& action) {
  return action.kind == Action::Kind::erase || action.batch.options.id.has_value();
}

std::vector<Record> parse_records(std::string_view key, std::string_view value) {
  std::vector<Record> records;
  while (!value.empty()) {
    ByteReader reader(value);
    const bool is_record = reader.integer<std::uint32_t>() == magic;
    const std::size_t size = reader.integer<std::uint32_t>();
    Record record;
    record.worker = reader.integer<std::uint32_t>();
    record.number = reader.integer<std::uint64_t>();
    record.index = reader.integer<std::uint32_t>();
    if (!reader.ok() || !is_record || size < frame_size || size > value.size()) {
      throw std::runtime_error("a torn record in " + quoted(key) + ", " + std::to_string(value.size()) +
                               " bytes before its end");
    }
    ByteReader checksum(value.substr(size - 8, 8));
    if (checksum.integer<std::uint64_t>() != hash64(value.substr(0, size - 8))) {
      throw std::runtime_error("a record in " + quoted(key) + " has a wrong checksum");
    }
    records.push_back(record);
    value.remove_prefix(size);
  }
  return records;
}

bool Progress::is_unknown(std::uint64_t number) const {
  return std::find(unknown.begin(), unknown.end(), number) != unknown.end();
}

std::string proxy_path(const std::string& directory) { return directory + "/proxy"; }

std::string progress_path(const std::string& directory, std::uint32_t worker) {
  return directory + "/progress-" + std::to_string(worker);
}

Progress read_progress(const std::string& path) {
  Progress progress;
  std::ifstream file(path);
  const auto give_up_begun = [&] {
    if (progress.begun > progress.done) progress.unknown.push_back(progress.begun);
  };
  for (std::string line; std::getline(file, line) && !file.eof();) {
    progress.size += line.size() + 1;
    std::istringstream in(line);
    char what = 0;
    std::uint64_t number = 0;
    if (!(in >> what >> number)) throw std::runtime_error("a line of " + quoted(path) + " is none");
    if (what == 'd') {
      progress.done = number;
      continue;
    }
    if (number != progress.begun) give_up_begun();
    progress.begun = number;
  }
  give_up_begun();
  return progress;
}

}  // namespace accrete::test
