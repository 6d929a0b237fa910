// A server for the tests of the client: it keeps to the protocol, but for what a test tells it to do wrong.
#pragma once

#include <accrete/accrete.hpp>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/protocol.hpp"
#include "net/router.hpp"
#include "os/wake_up.hpp"

namespace accrete::test {

/// What a test may change while the server runs.
struct Misbehaviour {
  std::atomic<bool> is_full = false;          ///< refuses appends with DiskFullError
  std::atomic<bool> is_damaged = false;       ///< refuses appends with CorruptionError
  std::atomic<bool> says_nothing = false;     ///< reads, and never answers
  std::atomic<bool> sends_garbage = false;    ///< answers everything but a greeting with what is no message
  std::atomic<bool> sends_old_acks = false;   ///< each acknowledgement twice, and one of the past after it
  std::atomic<int> acks_to_lose = 0;          ///< so many acknowledgements are not sent
  std::atomic<int> answers_to_lose = 0;       ///< so many requests are done and not answered
  std::atomic<int> resets = 0;                ///< so many appends are answered with a reset and not applied
  std::atomic<int> ignored_connections = 0;   ///< nothing that comes over the first so many is heard
  std::atomic<bool> ignores_credit = false;   ///< sends all parts of a reply at once
  std::atomic<bool> repeats_page = false;     ///< a page of a list begins with the first key
  std::atomic<bool> lies_about_size = false;  ///< a reply to `get` says that the value is larger than it is
};

struct FakeServerOptions {
  Durability durability = Durability::os;
  std::uint64_t window = std::uint64_t{16} << 20;
  std::uint64_t max_message = std::uint64_t{4} << 20;
  std::size_t part_bytes = wire::part_bytes;
  std::size_t keys_a_page = 1000;
  std::optional<ServerCurve> curve{};
};

/// What is left when a server ends.
struct FakeDisk {
  std::unique_ptr<Store> store = memory_store();
  std::map<wire::SessionId, std::uint64_t> applied{};
  std::uint64_t forgotten = 0;  ///< sessions
};

class FakeServer {
 public:
  FakeServer(std::string endpoint, FakeDisk& disk, FakeServerOptions options = {});
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  [[nodiscard]] const std::string& endpoint() const noexcept { return endpoint_; }

  Misbehaviour misbehaviour{};
  std::atomic<int> greetings = 0;
  std::atomic<int> appends = 0;  ///< messages
  std::atomic<std::uint64_t> append_bytes = 0;
  std::atomic<int> pings = 0;
  std::atomic<int> unanswered = 0;  ///< messages, of a server that says nothing
  std::atomic<int> applied = 0;
  std::atomic<int> refusals = 0;
  std::atomic<int> goodbyes = 0;
  std::atomic<std::size_t> writers_ended = 0;  ///< named in goodbyes

 private:
  struct Pending {
    std::string bytes;
    std::uint32_t next = 0;
    std::uint32_t credit = wire::first_parts;
  };

  void run();
  void take(const Received& received);
  void take_append(const Peer& from, const wire::Append& append);
  [[nodiscard]] bool is_reset(const Peer& from);
  [[nodiscard]] std::string result_of(const wire::Request& request);
  [[nodiscard]] wire::KeyPage page_of(ListOptions options);
  void send(const Peer& to, const wire::Reply& reply);
  void send_ack(const Peer& to, std::uint64_t last);
  void send_parts(const Peer& to, std::uint64_t request);

  FakeDisk& disk_;
  FakeServerOptions options_;
  wire::Incarnation incarnation_;
  Router router_;
  std::string endpoint_;
  std::map<Peer, wire::SessionId> sessions_;
  std::map<Peer, int> connections_;  // numbered from 1 on
  std::map<std::pair<Peer, std::uint64_t>, Pending> pending_;
  WakeUp wake_up_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace accrete::test
