// The contract suite's places behind a caching server, which runs in a thread of the test.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "contract/place.hpp"
#include "net/client.hpp"
#include "server/running_server.hpp"
#include "support/direct_reader.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {

enum class Transport { ipc, tcp };

template <Transport transport, Durability durability, Acknowledgement ack, Values values = Values::raw,
          Lies lies = Lies::in_files>
class ServedPlace final : public Place {
 public:
  ServedPlace() {
    create(path(), create_options(values, lies));
    reopen();
  }
  [[nodiscard]] Store& store() override { return *store_; }
  /// Ends the server, too.
  void reopen() override {
    close();
    const std::string endpoint = transport == Transport::ipc ? "ipc://" + path() + "/.socket" : "tcp://127.0.0.1:*";
    server_.emplace(path(), RunningServerOptions{.endpoint = endpoint, .durability = durability});
    auto files = transport == Transport::ipc ? try_open_directly(posix_env(), path()) : nullptr;
    store_ = connect(server_->endpoint(), {.ack = ack}, {}, std::move(files));
  }
  void check_sound() override {
    const Stats stats = store_->stats();
    close();
    check_report(verify(path()), stats);
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
using CompressedIpcPlace = ServedPlace<Transport::ipc, Durability::os, Acknowledgement::window, Values::compressed>;
using RecordsIpcPlace =
    ServedPlace<Transport::ipc, Durability::os, Acknowledgement::window, Values::compressed, Lies::in_records>;

}  // namespace accrete::test
