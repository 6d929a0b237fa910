// What the threads of a client's user run.
#include "net/session.hpp"

#include <algorithm>
#include <utility>

#include "base/entries.hpp"
#include "base/escape.hpp"
#include "base/interruption.hpp"
#include "os/system.hpp"
#include "os/thread.hpp"
#include "store/lost_appends.hpp"

namespace accrete {
namespace {

/// Far enough for anyone, and near enough not to overflow.
std::chrono::milliseconds bounded(std::chrono::milliseconds timeout) {
  return std::min<std::chrono::milliseconds>(timeout, std::chrono::hours{24 * 365});
}

/// Whether it matters to the caller if the server has done what it was asked to.
bool is_change(const wire::Request& request) {
  return std::holds_alternative<wire::Erase>(request.body) || std::holds_alternative<wire::Drop>(request.body) ||
         std::holds_alternative<wire::SetAttribute>(request.body);
}

/// Counts a waiting thread for as long as it lives.
class Counted {
 public:
  explicit Counted(int& count) noexcept : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  int& count_;
};

}  // namespace

Session::Session(std::string endpoint, ClientOptions options, const Patience& patience,
                 LostAppendsHandler on_lost_appends)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      id_(random_uuid()),
      patience_(patience),
      on_lost_appends_(std::move(on_lost_appends)),
      messages_(MessagePool::make(options_.window_bytes)),
      dealer_(endpoint_, options_),
      thread_(start_thread([this] { run(); })) {}

Session::~Session() {
  {
    Lock lock(mutex_);
    paused_.reset();
    seal_now_ = true;
    wake_up_.signal();
    const Counted counted(waiters_);
    const auto until = deadline();
    const auto is_over = [&] { return !is_ready_ || fatal_ || (gathered_.empty() && !window_.has_untold()); };
    while (!is_over() && changed_.wait_until(lock, until) == std::cv_status::no_timeout) {
    }
    stop_ = true;
  }
  wake_up_.signal();
  thread_.join();
  try {
    const std::string what = what_is_lost();
    if (!what.empty()) tell_lost_appends(on_lost_appends_, what);
  } catch (const std::bad_alloc&) {
    tell_lost_appends(on_lost_appends_, "appends that a server has not acknowledged are lost");
  }
}

/// Empty if nothing is. The thread has ended.
std::string Session::what_is_lost() const {
  SendWindow::Left left = window_.left();
  if (!gathered_.empty()) {
    ++left.batches;
    left.bytes += gathered_.message_size();
  }
  const bool is_refused = remembered_ && (remembers_loss_ || left.batches > 0);
  if (left.batches == 0 && !is_refused) return {};
  std::string text = "a client of the server " + accrete::quoted(endpoint_) + " is closed, and ";
  text += left.batches == 0
              ? "appends that had returned are given up"
              : std::to_string(left.batches) + " batches of appends that had returned, " + std::to_string(left.bytes) +
                    " bytes, are not acknowledged: what it has not received is lost";
  if (is_refused) return text + "; " + remembered_->message();
  if (last_failure_) return text + "; " + last_failure_->message();
  return text;
}

Session::Clock::time_point Session::deadline() const { return Clock::now() + bounded(options_.timeout); }

std::chrono::milliseconds Session::time_to_open() const {
  return bounded(is_reached_ ? options_.timeout : std::min(options_.timeout, options_.connect_timeout));
}

template <typename Predicate>
void Session::wait(Lock& lock, Clock::time_point deadline, std::string_view what, Heed heed, Predicate is_done) {
  const Counted counted(waiters_);
  bool is_late = false;
  for (;;) {
    if (is_done()) return;
    if (fatal_) fatal_->raise();
    if (heed == Heed::remembered_errors) throw_remembered();
    if (is_late) throw_timeout(what);
    is_late = wait_until_or_interrupted(changed_, lock, deadline) == std::cv_status::timeout;
  }
}

void Session::throw_remembered() {
  if (!remembered_) return;
  remembers_loss_ = false;
  const SavedError error = *std::exchange(remembered_, std::nullopt);
  error.raise();
}

void Session::throw_timeout(std::string_view what) const {
  const std::string action = "cannot " + std::string(what) + " at the server " + accrete::quoted(endpoint_) + ": ";
  const std::string time = std::to_string(options_.timeout.count()) + " ms";
  if (last_failure_) last_failure_->raise();
  if (link_ == Link::connected || link_ == Link::welcomed) {
    throw TimeoutError(action + "it has not answered within " + time + "; try again, or give it a longer timeout");
  }
  throw NetworkError(action + "there was no connection within " + time + "; see whether it runs and can be reached");
}

void Session::throw_no_welcome(std::chrono::milliseconds waited) const {
  if (last_failure_) last_failure_->raise();
  const std::string action = "cannot connect to the server " + accrete::quoted(endpoint_) + " within " +
                             std::to_string(waited.count()) + " ms: ";
  if (is_reached_) {
    throw TimeoutError(action + "it takes the connection and says nothing; see whether it is accrete's and not stuck");
  }
  throw NetworkError(action +
                     "nothing answers there; see whether it runs and can be reached, or allow more time with "
                     "connect_timeout");
}

void Session::wait_ready(std::optional<std::chrono::milliseconds> max_wait) {
  Lock lock(mutex_);
  wait_ready(lock, max_wait);
}

void Session::wait_ready(Lock& lock, std::optional<std::chrono::milliseconds> max_wait) {
  const Counted counted(waiters_);
  const Clock::time_point began = Clock::now();
  while (!is_ready_) {
    if (fatal_) fatal_->raise();
    if (is_hopeless_ && last_failure_) last_failure_->raise();
    const std::chrono::milliseconds patience = std::min(time_to_open(), max_wait.value_or(time_to_open()));
    const Clock::time_point until = began + patience;
    if (Clock::now() >= until) throw_no_welcome(patience);
    (void)wait_until_or_interrupted(changed_, lock, until);
  }
}

std::uint64_t Session::max_message() {
  Lock lock(mutex_);
  wait_ready(lock);
  return message_limit();
}

void Session::enter(Lock& lock) {
  if (!is_ready_) wait_ready(lock);
  if (fatal_) fatal_->raise();
  throw_remembered();
  if (!paused_) return;
  paused_.reset();
  wake_up_.signal();
}

std::uint64_t Session::message_limit() const { return std::min(welcome_.max_message, GatheredBatch::max_bytes); }

void Session::check_size(std::uint64_t size, std::string_view what) const {
  const std::uint64_t limit = message_limit();
  if (size <= limit) return;
  throw TooLargeError("cannot " + std::string(what) + " at the server " + accrete::quoted(endpoint_) +
                      ": the message would have " + std::to_string(size) + " bytes, and it takes " +
                      std::to_string(limit) + " at most; send less at once, or start it with a larger --max-message");
}

bool Session::try_seal() {
  if (gathered_.empty()) return true;
  if (!may_push() || !window_.has_room(gathered_.message_size(), window_limit_)) return false;
  std::shared_ptr<std::string> message = messages_->take();
  gathered_.encode(window_.next_sequence(), *message);
  window_.push(std::move(message), nullptr, SendWindow::Kind::pipelined);
  constexpr std::uint64_t min_kept = std::uint64_t{8} << 20;
  gathered_.clear(std::max(min_kept, 4 * batch_limit_));
  seal_now_ = false;
  ++seals_;
  return true;
}

bool Session::try_seal_returned() {
  try {
    return try_seal();
  } catch (const std::bad_alloc&) {
    gathered_since_ = Clock::now();  // to try again later
    return false;
  }
}

void Session::append(std::span<const Entry> entries) {
  constexpr std::string_view what = "append";
  const std::uint64_t size = encoded_size(entries) + wire::append_header_size;
  Lock lock(mutex_);
  enter(lock);
  check_size(size, what);
  const auto fits = [&] { return gathered_.empty() || gathered_.message_size() + size <= batch_limit_; };
  if (!fits()) {
    if (!try_seal()) wait(lock, deadline(), what, Heed::remembered_errors, [&] { return fits() || try_seal(); });
    wake_up_.signal();
  }
  const bool is_first = gathered_.empty();
  gathered_.add(entries);
  if (is_first) gathered_since_ = Clock::now();
  const bool is_sealed = gathered_.message_size() >= batch_limit_ && try_seal_returned();
  if (is_first || is_sealed) wake_up_.signal();
}

void Session::await(Lock& lock, Clock::time_point deadline, const Pushed& pushed, const BatchId& id) {
  Outcome& outcome = *pushed.outcome;
  const Counted counted(outcome.waiters);
  try {
    wait(lock, deadline, "append", Heed::own_errors, [&] { return outcome.done; });
  } catch (const Error& error) {
    if (window_.try_take_back(pushed.ticket)) throw;
    window_.mark_told(pushed.ticket);
    throw UnknownOutcomeError(
        std::string(error.what()) +
            "; the batch was sent and may be applied yet: send it again with its id, and it is applied once",
        id);
  }
  if (!outcome.error) return;
  try {
    outcome.error->raise();
  } catch (const UnknownOutcomeError& error) {
    throw UnknownOutcomeError(error.what(), id);  // the wire leaves out what is known here
  }
}

void Session::append_with(std::span<const Entry> entries, const AppendOptions& options) {
  const bool waits = options.sync || options.expect_size || options_.ack == Acknowledgement::each;
  std::optional<OwnId> own_id;
  if (waits && !options.id) own_id.emplace(own_ids_, wait_for_forgotten());
  AppendOptions options_with_id = options;
  if (own_id) options_with_id.id = own_id->id();
  const std::optional<BatchId> id = options_with_id.id;
  std::shared_ptr<std::string> message = messages_->take();
  if (encoded_size(entries) <= GatheredBatch::max_bytes) {
    wire::begin_append(options_with_id, own_id.has_value(), *message);
    encode_entries(entries, *message);
  }
  Lock lock(mutex_);
  const auto until = deadline();
  enter(lock);
  check_size(message->empty() ? encoded_size(entries) : message->size(), "append");
  const Pushed pushed = push(lock, until, std::move(message), options);
  if (!waits) return;
  try {
    await(lock, until, pushed, *id);
  } catch (const UnknownOutcomeError&) {
    if (own_id) own_id->keep();
    throw;
  }
  own_ids_.settle(*id);
}

/// What the server's last welcome says.
std::uint64_t Session::wait_for_forgotten() {
  Lock lock(mutex_);
  if (!is_ready_) wait_ready(lock);
  return welcome_.forgotten;
}

Session::Pushed Session::push(Lock& lock, Clock::time_point deadline, std::shared_ptr<std::string> message,
                              const AppendOptions& options) {
  constexpr std::string_view what = "append";
  const std::uint64_t size = message->size();
  // Earlier appends of this thread may be among what is gathered.
  const std::uint64_t seals = ask_for_seal();
  const auto is_sealed = [&] { return seals_ >= seals || try_seal(); };
  std::optional<Counted> alone;
  if (options.expect_size) {
    wait(lock, deadline, what, Heed::remembered_errors, is_sealed);
    alone.emplace(waiting_alone_);
    wait(lock, deadline, what, Heed::remembered_errors, [&] { return window_.empty(); });
  } else {
    wait(lock, deadline, what, Heed::remembered_errors,
         [&] { return is_sealed() && may_push() && window_.has_room(size, window_limit_); });
  }
  wire::set_sequence(*message, window_.next_sequence());
  Pushed pushed{.ticket = window_.next_ticket(), .outcome = std::make_shared<Outcome>()};
  window_.push(std::move(message), pushed.outcome,
               options.expect_size ? SendWindow::Kind::alone : SendWindow::Kind::pipelined);
  wake_up_.signal();
  return pushed;
}

/// What is lost is told before what may still go well.
void Session::remember(const SavedError& error, bool is_loss) {
  if (remembered_ && remembers_loss_) return;
  remembered_ = error;
  remembers_loss_ = is_loss;
}

std::uint64_t Session::ask_for_seal() {
  if (gathered_.empty()) return seals_;
  seal_now_ = true;
  wake_up_.signal();
  return seals_ + 1;
}

void Session::drain(Lock& lock, Clock::time_point deadline, std::string_view what) {
  const std::uint64_t seals = ask_for_seal();
  wait(lock, deadline, what, Heed::remembered_errors, [&] { return seals_ >= seals || try_seal(); });
  // Others may have put batches after meanwhile; those are waited for too.
  const std::uint64_t ticket = window_.next_ticket() - 1;
  if (!window_.is_settled(ticket)) {
    wake_up_.signal();
    wait(lock, deadline, what, Heed::remembered_errors, [&] { return window_.is_settled(ticket); });
  }
  // A batch is settled, too, when it is given up.
  throw_remembered();
}

bool Session::call(std::string_view what, const wire::Request& request, ReplyReader& reader) {
  class Listed {
   public:
    Listed(CallTable& calls, Lock& lock, std::uint64_t number, Call& call)
        : calls_(calls), lock_(lock), number_(number) {
      calls_.add(number, call);
    }
    ~Listed() {
      if (!lock_.owns_lock()) lock_.lock();
      calls_.remove(number_);
    }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;

   private:
    CallTable& calls_;
    Lock& lock_;
    std::uint64_t number_;
  };

  Lock lock(mutex_);
  const auto until = deadline();
  enter(lock);
  // What the server says of itself does not depend on what this client has appended.
  if (!std::holds_alternative<wire::ServerStatsRequest>(request.body)) drain(lock, until, what);
  const std::uint64_t acknowledged_count = window_.acknowledged_count();
  const std::uint64_t number = calls_.next_number();
  std::string message;
  wire::encode_request({.id = number, .body = request.body}, message);
  check_size(message.size(), what);
  Call call{.message = std::make_shared<const std::string>(std::move(message))};
  const Listed listed(calls_, lock, number, call);
  wake_up_.signal();
  try {
    read_reply(lock, until, what, number, call, reader);
  } catch (const Error& error) {
    if (!is_change(request) || !call.was_sent || call.error) throw;
    throw UnknownOutcomeError(std::string(error.what()) +
                              "; it was asked to and may have done it, or may do it yet: look at what is there");
  }
  const bool hands_down =
      std::holds_alternative<wire::Flush>(request.body) || std::holds_alternative<wire::Sync>(request.body);
  if (!hands_down) return call.was_sent_again;
  // The server that has flushed may be another than the one that had the appends.
  throw_remembered();
  handed_down_count_ = std::max(handed_down_count_, acknowledged_count);
  return call.was_sent_again;
}

void Session::read_reply(Lock& lock, Clock::time_point deadline, std::string_view what, std::uint64_t number,
                         Call& call, ReplyReader& reader) {
  for (;;) {
    const std::vector<zmq::message_t> parts = next_parts(lock, deadline, what, number, call);
    if (std::exchange(call.is_restarted, false)) reader.restart();
    const bool is_complete = call.is_complete;
    lock.unlock();
    for (const zmq::message_t& part : parts) reader.add(part.to_string_view().substr(wire::part_header_size));
    lock.lock();
    if (is_complete) return;
    // A reply that began anew has had its credit anew.
    if (!call.is_restarted) call.taken += static_cast<std::uint32_t>(parts.size());
  }
}

std::vector<zmq::message_t> Session::next_parts(Lock& lock, Clock::time_point deadline, std::string_view what,
                                                std::uint64_t number, Call& call) {
  // Most replies end before half of their credit is used, and need no more.
  if (call.taken >= wire::first_parts / 2) {
    const std::uint32_t parts = std::exchange(call.taken, 0);
    wire::encode_request({.body = wire::More{.request = number, .parts = parts}}, controls_.emplace_back());
    call.credit += parts;
    wake_up_.signal();
  }
  wait(lock, deadline, what, Heed::own_errors, [&] { return !call.parts.empty() || call.error; });
  if (call.error) call.error->raise();
  return std::exchange(call.parts, {});
}

}  // namespace accrete
