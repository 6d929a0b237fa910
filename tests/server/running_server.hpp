// A caching server over a dataset, in a thread of the test.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>
#include <string>
#include <thread>

#include "api/datasets.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "server/server.hpp"

namespace accrete::test {

struct RunningServerOptions {
  std::string endpoint{};
  Durability durability = Durability::os;
  /// The limits are those of the contract suite's largest batches.
  std::uint64_t buffer_bytes = std::uint64_t{64} << 20;
  std::uint64_t max_message_bytes = std::uint64_t{16} << 20;
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
};

class RunningServer {
 public:
  RunningServer(const std::string& dataset, const RunningServerOptions& options)
      : store_(open_buffered_dataset(
            posix_env(), dataset,
            {.buffer = BufferOptions{.limit_bytes = options.buffer_bytes}, .durability = options.durability})),
        server_(*store_, {.endpoints = {options.endpoint},
                          .max_message_bytes = options.max_message_bytes,
                          .memory_bytes = options.memory_bytes}),
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

}  // namespace accrete::test
