// A caching server whose disk is full: its clients are told, and nothing that was acknowledged is lost or doubled.
#include <accrete/accrete.hpp>
#include <memory>
#include <optional>
#include <string>

#include "limits/full_disk.hpp"
#include "net/client.hpp"
#include "server/running_server.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

/// A client, and what its key must hold once all is flushed.
class Writer {
 public:
  Writer(const std::string& endpoint, std::string key, Acknowledgement ack)
      : client_(connect(endpoint, {.ack = ack, .linger = std::chrono::microseconds{0}})), key_(std::move(key)) {}

  /// False if the disk is full; then nothing is appended by it.
  bool try_append(std::string_view filler) {
    const std::string piece = std::to_string(++pieces_) + ";" + std::string(filler) + "\n";
    try {
      client_->append(key_, piece);
    } catch (const DiskFullError&) {
      return false;
    }
    expected_ += piece;
    return true;
  }

  /// For when there is room. What failed before may be told by some calls more.
  void flush() {
    for (int attempts = 0;; ++attempts) {
      try {
        return client_->flush();
      } catch (const DiskFullError&) {
        require(attempts < 100, "it goes on once there is room");
      }
    }
  }

  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  [[nodiscard]] const std::string& expected() const noexcept { return expected_; }

 private:
  std::unique_ptr<Store> client_;
  std::string key_;
  std::string expected_;
  int pieces_ = 0;
};

void fill_up(Writer& window, Writer& each) {
  const std::string filler(10'000, 'f');
  bool window_was_told = false;
  bool each_was_told = false;
  for (int appends = 0; !window_was_told || !each_was_told; ++appends) {
    require(appends < 10'000, "clients of a server on a full disk are told");
    if (!window.try_append(filler)) window_was_told = true;
    if (!each.try_append(filler)) each_was_told = true;
  }
}

void check(const Store& store, const Writer& writer) {
  require(store.get(writer.key()) == writer.expected(), "all that was appended to " + writer.key() + " is there, once");
}

void serve_on_a_full_disk(const std::string& directory, Durability durability) {
  const std::string url = directory + "/dataset";
  create(url);
  constexpr std::uint64_t buffer_bytes = std::uint64_t{1} << 20;
  const RunningServerOptions options{
      .endpoint = "ipc://" + url + "/.socket", .durability = durability, .buffer_bytes = buffer_bytes};
  std::optional<RunningServer> server(std::in_place, url, options);
  {
    Writer window(server->endpoint(), "window", Acknowledgement::window);
    Writer each(server->endpoint(), "each", Acknowledgement::each);
    const std::unique_ptr<Store> reader = connect(server->endpoint());
    for (int round = 0; round < 3; ++round) {
      reader->append("removed", std::string(50'000, 'r'));
      reader->flush();
      {
        const Ballast ballast(directory + "/ballast");
        fill_up(window, each);
        check(*reader, each);
        require(server_stats(*reader).value().clients == 3, "the server is alive");
        reader->erase("removed");
        require(!reader->size("removed"), "something can be removed");
      }
      window.flush();
      each.flush();
      require(window.try_append("after") && each.try_append("after"), "an append after a flush is taken");
      window.flush();
      check(*reader, window);
      check(*reader, each);
    }
    server.reset();
    check(*open(url), window);
    check(*open(url), each);
  }
  require(verify(url).problems.empty(), "what the server leaves is sound");
  destroy(url);
}

}  // namespace

void serve_on_a_full_disk(const std::string& directory) {
  for (const Durability durability : {Durability::memory, Durability::os, Durability::sync}) {
    serve_on_a_full_disk(directory, durability);
  }
}

}  // namespace accrete::test
