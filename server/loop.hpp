// The main loop of the server: messages in, tasks out; results in, replies out. See server.hpp for the whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/message_pool.hpp"
#include "os/stop_signals.hpp"
#include "os/wake_up.hpp"
#include "server/appender.hpp"
#include "server/client.hpp"
#include "server/figures.hpp"
#include "server/log.hpp"
#include "server/outbox.hpp"
#include "server/results.hpp"
#include "server/server.hpp"
#include "server/session_table.hpp"
#include "server/workers.hpp"

namespace accrete::server {

class Server::Loop {
 public:
  Loop(BufferedStore& store, ServerOptions options);

  [[nodiscard]] const ServerFile& description() const noexcept { return description_; }
  [[nodiscard]] ServerStats stats() const noexcept { return figures_.stats(); }
  void run(StopSignals* signals);
  void stop() noexcept;

 private:
  // One round.
  void wait(StopSignals* signals);
  void take_results();
  void receive();
  void send();
  void tick();
  void tell_of_refusals();
  [[nodiscard]] bool is_over_budget() const noexcept;
  [[nodiscard]] bool is_drained() const noexcept;
  void reload_keys_after_hangup();
  KeyListChange reload_keys();

  // What comes from outside.
  void take_message(Received received);
  void take_malformed(const Peer& peer, std::optional<std::uint64_t> request, const std::exception_ptr& failure);
  void take_hello(const Peer& peer, int descriptor, std::uint64_t request, const wire::Hello& hello);
  void take_request(const ClientHandle& client, wire::Request request, MessageBytes message);
  void take_append(const ClientHandle& client, wire::Append append, MessageBytes message);
  void take_question(const ClientHandle& client, wire::Request request, MessageBytes message);
  void take_reload(const ClientHandle& client, std::uint64_t request, std::uint64_t bytes);
  void answer_at_once(const ClientHandle& client, std::uint64_t request, std::uint64_t bytes, std::string_view result);
  void take_bye(const ClientHandle& client, wire::Bye bye);
  void greet(const ClientHandle& client, std::uint64_t request);

  // What comes from the threads that use the store.
  void take(AppendResult& result);
  void take(const Greeting& greeting);
  void take(const Farewell& farewell);
  void take(Answer& answer);

  [[nodiscard]] ClientHandle find(const Peer& peer) const;
  [[nodiscard]] bool make_room();
  void drop(const ClientHandle& client, std::string_view why);
  void dispatch(RequestTask task);
  void release_waiting(Client& client);
  void leave_session(const ClientHandle& client);
  void count(const AppendResult& result) noexcept;
  void probe(Clock::duration unheard_for);

  BufferedStore& store_;
  const ServerOptions options_;
  const std::uint64_t window_;  ///< the largest that a client gets, in bytes
  ServerFile description_;
  Router router_;
  Outbox outbox_{router_};
  std::map<Peer, ClientHandle> clients_;
  /// The latest client of each session, also one that has gone while appends of it are queued.
  std::map<wire::SessionId, ClientHandle> sessions_;
  SessionTable known_sessions_;
  Figures figures_;
  std::uint64_t last_number_ = 0;
  std::uint64_t ended_connections_ = 0;  ///< that the log tells of
  std::uint64_t queued_bytes_ = 0;       ///< held by all appends that are not applied yet
  std::uint64_t asking_bytes_ = 0;       ///< of all requests that the store has not answered yet
  std::uint64_t open_tasks_ = 0;         ///< requests that the workers have
  Clock::time_point next_tick_{};
  Clock::time_point next_complaint_{};  ///< in the log, about strangers
  log::Repeated refused_clients_{"refused clients"};
  log::Repeated refused_appends_{"refused appends"};
  bool receiving_ = true;
  std::atomic<int> stops_ = 0;

  // These are destroyed first, in this order from below: their threads use what is above.
  Results results_;
  ReplyBudget budget_;
  const std::shared_ptr<MessagePool> reply_messages_;
  std::optional<Workers> large_readers_;
  std::optional<Workers> small_readers_;
  std::optional<Workers> changer_;
  std::optional<Appender> appender_;
};

}  // namespace accrete::server
