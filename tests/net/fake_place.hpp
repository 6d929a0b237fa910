// Where the tests of the client find a server that can be told to misbehave.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "net/client.hpp"
#include "net/fake_server.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {

inline void wait_until(const std::function<bool()>& is_so) {
  while (!is_so()) std::this_thread::yield();
}

/// A server that can be restarted at its endpoint, and clients of it.
class Place {
 public:
  explicit Place(FakeServerOptions options = {}) : options_(std::move(options)) { start(); }

  void start() { server_.emplace("ipc://" + (directory_ / "socket"), disk, options_); }
  void stop() { server_.reset(); }
  [[nodiscard]] FakeServer& server() { return *server_; }
  [[nodiscard]] std::string endpoint() const { return "ipc://" + (directory_ / "socket"); }
  [[nodiscard]] std::unique_ptr<Store> client(const ClientOptions& options = {}, const Patience& patience = {}) {
    return connect(endpoint(), options, patience);
  }
  [[nodiscard]] std::string value(std::string_view key) { return disk.store->get(key); }

  FakeDisk disk{};

 private:
  TemporaryDirectory directory_;
  FakeServerOptions options_;
  std::optional<FakeServer> server_;
};

}  // namespace accrete::test
