// The caching server: many clients append to and read from one buffered store.
//
//   clients ── sockets ── main loop ─┬─ append queue ── appender ── append_batches ─┐
//                 │           ▲      ├─ requests ────── small readers ── get, … ────┼── store
//                 │           │      ├─ requests ────── large readers ── list, … ───┤
//                 │           │      └─ requests ────── changer ── erase, flush, … ─┘
//                 └─ replies ─┴──────── results ◄───────────────────────────────────
//
// Only the main loop touches sockets and clients, and it never waits for the store, so that every client is answered
// while a flush takes its time. Each client's appends keep their order; a request is answered when the appends that
// came before it from the same client are applied. What takes little of the store's time has threads of its own, so
// that it does not wait for what takes much.
#pragma once

#include <accrete/accrete.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layer/buffered/buffered_store.hpp"
#include "net/router.hpp"
#include "net/server_file.hpp"
#include "os/stop_signals.hpp"

namespace accrete::server {

struct ServerOptions {
  std::vector<std::string> endpoints{};
  /// A client that sends more is disconnected. 0: an eighth of `memory_bytes`, but no more than 64 MiB.
  std::uint64_t max_message_bytes = 0;
  std::size_t max_clients = 1024;
  /// A quarter is for appends that wait for the store, another for replies that wait for their clients.
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
  std::optional<ServerCurve> curve{};
  /// Gives ServerCurve::allowed_clients anew, when SIGHUP or a client on this host asks for that; throws Error to keep
  /// those that there are.
  std::function<std::vector<std::string>()> read_allowed_clients{};
  /// A client that takes none of what waits for it for so long is dropped.
  std::chrono::milliseconds stall_timeout = std::chrono::minutes{1};
};

class Server {
 public:
  /// Binds the endpoints. Throws NetworkError, and InvalidArgumentError for what is no endpoint.
  Server(BufferedStore& store, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// What clients need to know to find it.
  [[nodiscard]] const ServerFile& description() const noexcept;

  /// Serves until it is asked to stop, by `stop` or by `signals`, of which it ignores all others but hangups that are
  /// counted; then applies and
  /// acknowledges what it has received, closes the endpoints and flushes the store. Asked again, it drops what it has
  /// not acknowledged; a second signal ends the process at once where there is a journal, which is then left to the
  /// next to open the dataset.
  void run(StopSignals* signals = nullptr);

  /// For any thread, at any time.
  [[nodiscard]] ServerStats stats() const noexcept;
  void stop() noexcept;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace accrete::server
