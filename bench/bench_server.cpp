// Times small appends to a caching server, each client a process: bench_server ENDPOINT CLIENTS APPENDS ENTRIES
//
// ENTRIES is the number of entries in a batch; 1 is one-key puts. Prints "quantity<TAB>subject<TAB>value": million
// appends a second until the last client knows that its own are acknowledged, and until its flush has returned;
// nanoseconds of a call, of one-key puts, while nothing waits.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "client_processes.hpp"
#include "workload.hpp"

namespace {

/// Their bytes do not fill the window of 16 MiB that a client has.
constexpr std::size_t unhindered_appends = 100'000;

class Client {
 public:
  Client(const std::string& endpoint, const bench::Share& share, std::size_t batch_entries)
      : store_(accrete::open(endpoint)), appends_(share.appends), batch_entries_(batch_entries) {}

  bench::ClientTimes work() {
    bench::ClientTimes times;
    if (batch_entries_ == 1) {
      times.call_ns = put_one_by_one();
    } else {
      put_batches();
    }
    (void)store_->size(keys_.front());  // a question waits until all that went before it is acknowledged
    times.acknowledged = bench::Clock::now();
    store_->flush();
    times.flushed = bench::Clock::now();
    return times;
  }

 private:
  double put_one_by_one() {
    const std::size_t unhindered = std::min(unhindered_appends, appends_);
    const auto begin = bench::Clock::now();
    for (std::size_t i = 0; i < unhindered; ++i) put(i);
    const std::chrono::duration<double, std::nano> taken = bench::Clock::now() - begin;
    for (std::size_t i = unhindered; i < appends_; ++i) put(i);
    return taken.count() / static_cast<double>(unhindered);
  }

  void put(std::size_t i) { store_->append(keys_[i % bench::key_count], bench::entry_bytes); }

  void put_batches() {
    std::vector<accrete::Entry> round;
    for (const std::string& key : keys_) round.push_back({.key = key, .bytes = bench::entry_bytes});
    for (std::size_t done = 0; done < appends_; done += batch_entries_)
      store_->append_batch(std::span(round).subspan(done % bench::key_count, batch_entries_));
  }

  const std::vector<std::string> keys_ = bench::make_keys();
  std::unique_ptr<accrete::Store> store_;
  std::size_t appends_;
  std::size_t batch_entries_;
};

void run(char** arguments) {
  const std::string endpoint = arguments[0];
  const std::size_t clients = std::stoul(arguments[1]);
  const std::size_t appends = bench::parse_appends(arguments[2], clients);
  const std::size_t batch_entries = std::stoul(arguments[3]);
  if (batch_entries == 0 || bench::key_count % batch_entries != 0)
    throw std::invalid_argument("ENTRIES does not divide " + std::to_string(bench::key_count));
  bench::time_clients("accrete", clients, appends, [&](const bench::Share& share) {
    const auto client = std::make_shared<Client>(endpoint, share, batch_entries);
    return [client] { return client->work(); };
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: bench_server ENDPOINT CLIENTS APPENDS ENTRIES\n";
    return 2;
  }
  return bench::exit_code_of("bench_server", [&] { run(argv + 1); });
}
