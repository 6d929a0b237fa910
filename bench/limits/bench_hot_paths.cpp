// Runs one hot path so many times, for a tool that counts instructions: bench_hot_paths NAME ITERATIONS
//
// What it does before and after does not depend on their number, so that the difference of two runs is of the path
// alone. A path is given its keys in turn, 1,000 of them, and entries of 100 B. Files go to a temporary dataset below
// $TMPDIR.
#include <accrete/accrete.hpp>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/datasets.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "net/protocol.hpp"
#include "os/system.hpp"

namespace {

using accrete::Durability;
using accrete::Entry;
using accrete::OpenOptions;

constexpr std::size_t key_count = 1000;
const std::string entry_bytes(100, 'x');

struct Workload {
  std::string url;
  std::size_t iterations;
  std::vector<std::string> keys{};
  std::vector<Entry> batch{};  ///< an entry for each key

  Workload(std::string dataset, std::size_t times) : url(std::move(dataset)), iterations(times) {
    for (std::size_t i = 0; i < key_count; ++i) keys.push_back("key-" + std::to_string(10'000 + i));
    for (const std::string& key : keys) batch.push_back({.key = key, .bytes = entry_bytes});
  }

  [[nodiscard]] const std::string& key(std::size_t i) const { return keys[i % key_count]; }
  [[nodiscard]] std::size_t batches() const { return (iterations + key_count - 1) / key_count; }
};

const OpenOptions files{.max_open_files = key_count + 24};

OpenOptions buffered(Durability durability) {
  return {.max_open_files = key_count + 24, .buffer = accrete::BufferOptions{}, .durability = durability};
}

void append(const Workload& workload, const OpenOptions& options, bool in_batches) {
  const auto store = accrete::open(workload.url, options);
  store->append_batch(workload.batch);  // from now on there are no new keys
  for (std::size_t i = 0; in_batches && i < workload.batches(); ++i) store->append_batch(workload.batch);
  for (std::size_t i = 0; !in_batches && i < workload.iterations; ++i) store->append(workload.key(i), entry_bytes);
  store->flush();
}

/// What the server does with a message between its socket and its socket, but for handing it from thread to thread.
void serve_messages(const Workload& workload) {
  const auto store = accrete::open_buffered_dataset(accrete::posix_env(), workload.url, buffered(Durability::os));
  store->append_batch(workload.batch);
  std::string message;
  accrete::wire::encode_request({.id = 0, .body = accrete::wire::Append{.sequence = 1, .entries = workload.batch}},
                                message);
  const accrete::WriterId session = accrete::random_uuid();
  std::string reply;
  for (std::uint64_t i = 0; i < workload.batches(); ++i) {
    const accrete::wire::Request request = accrete::wire::decode_request(message);
    const auto& append = std::get<accrete::wire::Append>(request.body);
    // The message is the same each time, but must be new to the session.
    accrete::SubmittedBatch batch{.entries = append.entries,
                                  .encoded = append.encoded,
                                  .options = append.options,
                                  .session = accrete::BatchId{session, i + 1}};
    store->append_batches({&batch, 1});
    if (batch.failure) std::rethrow_exception(batch.failure);
    accrete::wire::encode_reply({.id = 0, .body = accrete::wire::Ack{.applied = i + 1}}, reply);
  }
  store->flush();
}

void get_values(const Workload& workload) {
  constexpr std::size_t value_entries = 1000;
  constexpr std::size_t value_count = 100;
  const auto store = accrete::open(workload.url, files);
  for (std::size_t i = 0; i < value_count; ++i)
    store->append_batch(std::vector<Entry>(value_entries, {.key = workload.key(i), .bytes = entry_bytes}));
  for (std::size_t i = 0; i < workload.iterations; ++i) {
    const std::string value = store->get(workload.key(i % value_count));
    if (value.size() != value_entries * entry_bytes.size()) throw std::runtime_error("a value lacks bytes");
  }
}

const std::map<std::string, void (*)(const Workload&)> paths = {
    {"files_append", [](const Workload& workload) { append(workload, files, false); }},
    {"files_batch", [](const Workload& workload) { append(workload, files, true); }},
    {"buffered_append", [](const Workload& workload) { append(workload, buffered(Durability::memory), false); }},
    {"buffered_batch", [](const Workload& workload) { append(workload, buffered(Durability::os), true); }},
    {"server_message", serve_messages},
    {"get", get_values},
};

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw std::runtime_error("usage: bench_hot_paths NAME ITERATIONS");
    const auto dataset = accrete::create_temporary(std::filesystem::temp_directory_path().string());
    paths.at(argv[1])({dataset.url(), std::stoul(argv[2])});
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_hot_paths: " << error.what() << '\n';
    return 1;
  }
}
