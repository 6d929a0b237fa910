// A client's session with a server: what threads hand over, and the thread that talks to the server.
#pragma once

#include <accrete/accrete.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/call_table.hpp"
#include "net/dealer.hpp"
#include "net/gathered_batch.hpp"
#include "net/message_pool.hpp"
#include "net/own_ids.hpp"
#include "net/patience.hpp"
#include "net/protocol.hpp"
#include "net/reply_reader.hpp"
#include "net/saved_error.hpp"
#include "net/send_window.hpp"
#include "os/wake_up.hpp"

namespace accrete {

/// Lives in one process: a forked child must not touch it, not even to destroy it. See client.hpp for what its calls
/// promise.
///
/// session.cpp holds what callers run, session_io.cpp what the thread runs. The thread alone uses the socket.
class Session {
 public:
  /// Starts to connect.
  Session(std::string endpoint, ClientOptions options, const Patience& patience, LostAppendsHandler on_lost_appends);
  /// Waits until all appends are acknowledged, up to the timeout, says goodbye, and tells which are not.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Waits for the server's first welcome, for so long, or as the options have it.
  void wait_ready(std::optional<std::chrono::milliseconds> max_wait = std::nullopt);

  /// Of the server that was connected last.
  [[nodiscard]] std::uint64_t max_message();

  /// Without options; returns when the batch is in memory.
  void append(std::span<const Entry> entries);
  void append_with(std::span<const Entry> entries, const AppendOptions& options);

  /// Once all earlier appends are acknowledged, sends a request and reads its reply. `what` is for errors. Returns
  /// whether the request was sent again over another connection, so that the server may have got it more than once.
  bool call(std::string_view what, const wire::Request& request, ReplyReader& reader);

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;

  enum class Link {
    down,       ///< no socket, until retry_at_
    greeting,   ///< hello is sent
    connected,  ///< and the handshake is done
    welcomed,
  };

  /// Whether a call that waits ends with an error that is not its own.
  enum class Heed { remembered_errors, own_errors };

  // Of the callers; all expect the mutex to be held.
  [[nodiscard]] Clock::time_point deadline() const;
  /// Longer once there was a connection: the server is there, and may be busy.
  [[nodiscard]] std::chrono::milliseconds time_to_open() const;
  void wait_ready(Lock& lock, std::optional<std::chrono::milliseconds> max_wait = std::nullopt);
  void enter(Lock& lock);
  template <typename Predicate>
  void wait(Lock& lock, Clock::time_point deadline, std::string_view what, Heed heed, Predicate is_done);
  void throw_remembered();
  [[noreturn]] void throw_timeout(std::string_view what) const;
  [[noreturn]] void throw_no_welcome(std::chrono::milliseconds waited) const;
  [[nodiscard]] std::uint64_t message_limit() const;
  [[nodiscard]] std::uint64_t wait_for_forgotten();
  void check_size(std::uint64_t size, std::string_view what) const;
  /// The number of seals after which what is gathered now is in the window.
  [[nodiscard]] std::uint64_t ask_for_seal();
  void drain(Lock& lock, Clock::time_point deadline, std::string_view what);
  /// A batch in the window, and what will have become of it.
  struct Pushed {
    std::uint64_t ticket = 0;
    std::shared_ptr<Outcome> outcome{};
  };
  Pushed push(Lock& lock, Clock::time_point deadline, std::shared_ptr<std::string> message,
              const AppendOptions& options);
  void await(Lock& lock, Clock::time_point deadline, const Pushed& pushed, const BatchId& id);
  void read_reply(Lock& lock, Clock::time_point deadline, std::string_view what, std::uint64_t number, Call& call,
                  ReplyReader& reader);
  [[nodiscard]] std::string what_is_lost() const;
  [[nodiscard]] std::vector<zmq::message_t> next_parts(Lock& lock, Clock::time_point deadline, std::string_view what,
                                                       std::uint64_t number, Call& call);

  // Of both.
  void remember(const SavedError& error, bool is_loss);
  [[nodiscard]] bool may_push() const noexcept { return waiting_alone_ == 0 && !window_.has_alone(); }
  /// Seals what is gathered, if there is room; true if nothing is gathered any more.
  bool try_seal();
  /// As above, for what callers were told is gathered: where there is no memory for a message it stays.
  bool try_seal_returned();

  // Of the thread.
  void run() noexcept;
  void run_until_stopped();
  void connect_if_due(Clock::time_point now);
  void check_silence(Clock::time_point now);
  void lose_connection(Clock::time_point now, std::optional<SavedError> cause);
  void seal_if_due(Clock::time_point now);
  void send_all(Clock::time_point now);
  void receive_all(Clock::time_point now);
  void take_events(Clock::time_point now);
  void take(Clock::time_point now, const wire::Reply& reply, zmq::message_t& frame);
  void take_welcome(const wire::Welcome& welcome);
  void give_up_sent();
  void take_refused(Clock::time_point now, const wire::Refused& refused);
  void say_goodbye();
  [[nodiscard]] bool is_waiting_for_server() const noexcept { return window_.in_flight() || !calls_.empty(); }
  [[nodiscard]] std::optional<std::chrono::milliseconds> time_to_next(Clock::time_point now) const;

  const std::string endpoint_;
  const ClientOptions options_;
  const wire::SessionId id_;
  const Patience patience_;
  const LostAppendsHandler on_lost_appends_;
  const std::shared_ptr<MessagePool> messages_;
  OwnIds own_ids_;
  WakeUp wake_up_;

  std::mutex
      mutex_;  // guards all that follows but the thread's own; ZeroMQ's queues are filled under it, never waited for
  std::condition_variable changed_;
  int waiters_ = 0;  // of changed_
  GatheredBatch gathered_;
  Clock::time_point gathered_since_{};
  bool seal_now_ = false;    // a call waits for what is gathered
  std::uint64_t seals_ = 0;  // how often it was put into the window
  SendWindow window_;
  int waiting_alone_ = 0;  // calls that wait for an empty window to send a batch alone
  CallTable calls_;
  std::vector<std::string> controls_;        // messages without a reply
  std::optional<SavedError> remembered_;     // thrown by the next call
  bool remembers_loss_ = false;              // that error tells of appends that are lost
  std::optional<Clock::time_point> paused_;  // a batch was refused: nothing is appended until then
  std::chrono::milliseconds pause_{};        // the last one
  std::uint64_t handed_down_count_ = 0;      // batches acknowledged before the last flush or sync
  Link link_ = Link::down;
  bool is_reached_ = false;                         // there was a connection
  bool is_ready_ = false;                           // there was a welcome
  std::optional<SavedError> last_failure_;          // of a connection, and no answer has come since
  bool is_hopeless_ = false;                        // trying again before the first welcome would not help
  std::optional<Clock::time_point> unclear_since_;  // each attempt since then has ended in the handshake
  std::optional<SavedError> fatal_;                 // the thread has ended
  wire::Welcome welcome_{};                         // the last one
  std::uint64_t batch_limit_ = 0;                   // bytes at which what is gathered is sealed
  std::uint64_t window_limit_ = 0;
  bool stop_ = false;

  // The thread's own.
  Dealer dealer_;
  std::uint64_t hello_ = 0;  // the number of the last one
  Clock::time_point retry_at_{};
  std::chrono::milliseconds backoff_{};
  Clock::time_point opened_at_{};
  Clock::time_point heard_at_{};     // the last message
  Clock::time_point progress_at_{};  // the last acknowledgement, or the first append of a flight
  std::chrono::milliseconds no_progress_ = patience_.no_progress;  // how long that may last now
  std::optional<Clock::time_point> pinged_at_;                     // and nothing has come since

  std::thread thread_;  // the last member: it uses the others
};

}  // namespace accrete
