// The contract suite's places behind a caching server, which runs in a thread of the test.
#pragma once

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "layer/buffered_store.hpp"
#include "net/client.hpp"
#include "server/server.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {

class RunningServer {
 public:
  /// The limits are those of the suite's largest batches.
  RunningServer(const std::string& dataset, const std::string& endpoint, Durability durability)
      : store_(open_buffered_files(
            posix_env(), dataset,
            {.buffer = BufferOptions{.limit_bytes = std::uint64_t{64} << 20}, .durability = durability})),
        server_(*store_, {.endpoints = {endpoint},
                          .durability = durability,
                          .max_message_bytes = std::uint64_t{16} << 20,
                          .memory_bytes = std::uint64_t{1} << 30}),
        thread_([this] { server_.run(); }) {}
  ~RunningServer() {
    server_.stop();
    thread_.join();
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  [[nodiscard]] const std::string& endpoint() const { return server_.description().endpoints.front().address; }

 private:
  std::unique_ptr<BufferedStore> store_;
  server::Server server_;
  std::thread thread_;
};

enum class Transport { ipc, tcp };

template <Transport transport, Durability durability, Acknowledgement ack>
class ServedPlace {
 public:
  ServedPlace() {
    create(path());
    reopen();
  }
  [[nodiscard]] Store& store() { return *store_; }
  /// Ends the server, too.
  void reopen() {
    close();
    server_.emplace(path(), transport == Transport::ipc ? "ipc://" + path() + "/.socket" : "tcp://127.0.0.1:*",
                    durability);
    store_ = connect(server_->endpoint(), {.ack = ack});
  }
  void check_sound() {
    const Stats stats = store_->stats();
    close();
    const VerifyReport report = verify(path());
    for (const std::string& problem : report.problems) FAIL_CHECK(problem);
    CHECK(stats.keys == report.counted.keys);
    CHECK(stats.bytes == report.counted.bytes);
    reopen();
  }

 private:
  void close() {
    store_.reset();
    server_.reset();
  }
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

  TemporaryDirectory directory_;
  std::optional<RunningServer> server_;
  std::unique_ptr<Store> store_;
};

using IpcPlace = ServedPlace<Transport::ipc, Durability::os, Acknowledgement::window>;
using TcpPlace = ServedPlace<Transport::tcp, Durability::memory, Acknowledgement::each>;

}  // namespace accrete::test
