// What the thread of a client runs: it connects, sends what is due, takes what the server sends, and connects again.
#include <algorithm>
#include <utility>

#include "base/escape.hpp"
#include "net/session.hpp"

namespace accrete {
namespace {

using namespace std::chrono_literals;

constexpr auto shortest_backoff = 10ms;
constexpr auto max_backoff = 1000ms;
constexpr auto shortest_pause = 100ms;
constexpr auto max_pause = 1000ms;
constexpr auto goodbye_linger = 500ms;
// A server that is killed ends a handshake or two as well; one that wants other keys ends them all.
constexpr auto hopeless_after = 1000ms;

}  // namespace

void Session::run() noexcept {
  try {
    try {
      run_until_stopped();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw NetworkError("cannot go on with the server " + accrete::quoted(endpoint_) + ": " + error.what() +
                         "; open it anew");
    }
  } catch (const Error& error) {
    const Lock lock(mutex_);
    fatal_.emplace(SavedError::of(NetworkError(error.what())));
    changed_.notify_all();
  }
  dealer_.close(goodbye_linger);
}

void Session::run_until_stopped() {
  Lock lock(mutex_);
  while (!stop_) {
    const auto now = Clock::now();
    connect_if_due(now);
    check_silence(now);
    seal_if_due(now);
    send_all(now);
    if (waiters_ > 0) changed_.notify_all();
    const auto timeout = time_to_next(now);
    lock.unlock();
    dealer_.poll(wake_up_.fd(), timeout);
    wake_up_.drain();
    lock.lock();
    receive_all(Clock::now());
  }
  say_goodbye();
}

void Session::connect_if_due(Clock::time_point now) {
  if (link_ != Link::down || now < retry_at_) return;
  try {
    dealer_.open();
    std::string message;
    hello_ = calls_.next_number();
    wire::encode_request(
        {.id = hello_,
         .body = wire::Hello{.session = id_, .window = options_.window_bytes, .forgotten = welcome_.forgotten}},
        message);
    (void)dealer_.try_send(message);
    link_ = Link::greeting;
    opened_at_ = now;
  } catch (const NetworkError& error) {
    is_hopeless_ = true;
    lose_connection(now, SavedError::of(error));
  } catch (const AuthError& error) {
    is_hopeless_ = true;
    lose_connection(now, SavedError::of(error));
  }
}

void Session::lose_connection(Clock::time_point now, std::optional<SavedError> cause) {
  dealer_.close();
  link_ = Link::down;
  backoff_ = std::clamp<std::chrono::milliseconds>(2 * backoff_, shortest_backoff, max_backoff);
  retry_at_ = now + backoff_;
  pinged_at_.reset();
  controls_.clear();
  last_failure_ = std::move(cause);
}

void Session::check_silence(Clock::time_point now) {
  const auto give_up = [&](const std::string& cause) {
    lose_connection(
        now, SavedError::of(TimeoutError("cannot reach the server " + accrete::quoted(endpoint_) + ": " + cause)));
  };
  if (link_ == Link::greeting || link_ == Link::connected) {
    if (now - opened_at_ < patience_.greeting) return;
    if (link_ == Link::connected) return give_up("it did not answer the greeting");
    return lose_connection(now, last_failure_);
  }
  if (link_ != Link::welcomed) return;
  if (pinged_at_) {
    if (now - *pinged_at_ >= patience_.ping) give_up("it did not answer a ping");
    return;
  }
  if (!is_waiting_for_server()) return;
  if (window_.in_flight() && now - progress_at_ >= no_progress_) {
    no_progress_ *= 2;
    return give_up("it acknowledged nothing for long");
  }
  if (now - heard_at_ < patience_.silence) return;
  std::string message;
  wire::encode_request({.id = calls_.next_number(), .body = wire::Ping{}}, message);
  if (dealer_.try_send(message)) pinged_at_ = now;
}

void Session::seal_if_due(Clock::time_point now) {
  if (gathered_.empty()) return;
  const bool is_due = seal_now_ || gathered_.message_size() >= batch_limit_ || now >= gathered_since_ + options_.linger;
  if (is_due) (void)try_seal_returned();
}

void Session::send_all(Clock::time_point now) {
  if (link_ != Link::welcomed) return;
  while (!controls_.empty() && dealer_.try_send(controls_.front())) controls_.erase(controls_.begin());
  while (Call* call = calls_.next_to_send()) {
    if (!is_waiting_for_server()) heard_at_ = now;
    if (!dealer_.try_send(call->message)) return;
    call->was_sent_again = call->was_sent;
    call->is_sent = call->was_sent = true;
  }
  if (paused_ && now < *paused_) return;
  paused_.reset();
  while (const SharedMessage message = window_.next_to_send(window_limit_)) {
    if (!window_.in_flight()) progress_at_ = now;
    if (!is_waiting_for_server()) heard_at_ = now;
    if (!dealer_.try_send(message)) return;
    window_.mark_sent();
  }
}

void Session::receive_all(Clock::time_point now) {
  if (!dealer_.is_open()) return;
  try {
    while (dealer_.is_open()) {
      std::optional<zmq::message_t> frame = dealer_.try_receive();
      if (!frame) break;
      heard_at_ = now;
      pinged_at_.reset();
      const wire::Reply reply = wire::decode_reply(frame->to_string_view());
      take(now, reply, *frame);
    }
  } catch (const NetworkError& error) {
    is_hopeless_ = true;
    lose_connection(now,
                    SavedError::of(NetworkError(std::string(error.what()) + " (" + accrete::quoted(endpoint_) + ")")));
  }
  if (dealer_.is_open()) take_events(now);
}

void Session::take_events(Clock::time_point now) {
  while (dealer_.is_open()) {
    const std::optional<Dealer::Event> event = dealer_.try_event();
    if (!event) return;
    const std::string action = "cannot connect to the server " + accrete::quoted(endpoint_) + ": ";
    switch (*event) {
      case Dealer::Event::connected:
        if (link_ == Link::greeting) link_ = Link::connected;
        is_reached_ = true;
        unclear_since_.reset();
        break;
      case Dealer::Event::failed:
        unclear_since_.reset();
        lose_connection(now, SavedError::of(NetworkError(action + (link_ == Link::greeting
                                                                       ? "nothing answers there; see whether it runs"
                                                                       : "it has closed the connection"))));
        break;
      case Dealer::Event::auth_failed:
        is_hopeless_ = true;
        lose_connection(now, SavedError::of(AuthError(action + dealer_.refusal_by_keys())));
        break;
      case Dealer::Event::auth_unclear:
        if (!unclear_since_) unclear_since_ = now;
        is_hopeless_ = now - *unclear_since_ >= hopeless_after;
        lose_connection(now, SavedError::of(AuthError(action + "it ended the handshake; most likely it uses CURVE, and "
                                                               "the server key that was given is none or another's")));
        break;
    }
  }
}

void Session::take(Clock::time_point now, const wire::Reply& reply, zmq::message_t& frame) {
  if (const auto* welcome = std::get_if<wire::Welcome>(&reply.body)) {
    if (reply.id != hello_) throw NetworkError("cannot take a server's welcome: it answers another greeting");
    take_welcome(*welcome);
    last_failure_.reset();
    progress_at_ = now;
    return;
  }
  if (const auto* reset = std::get_if<wire::Reset>(&reply.body)) {
    lose_connection(now, SavedError(reset->error));
    return;
  }
  if (const auto* failed = std::get_if<wire::Failed>(&reply.body); failed && link_ != Link::welcomed) {
    is_hopeless_ = !failed->error.retryable;
    lose_connection(now, SavedError(failed->error));
    return;
  }
  if (link_ != Link::welcomed) throw NetworkError("cannot take a server's message: it comes before its welcome");
  if (const auto* ack = std::get_if<wire::Ack>(&reply.body)) {
    const std::uint64_t before = window_.acknowledged();
    if (!window_.acknowledge(ack->applied)) {
      throw NetworkError("cannot take a server's acknowledgement: it is of an append that was not sent");
    }
    if (window_.acknowledged() == before) return;
    progress_at_ = now;
    no_progress_ = patience_.no_progress;
    pause_ = {};
  } else if (const auto* refused = std::get_if<wire::Refused>(&reply.body)) {
    take_refused(now, *refused);
  } else if (const auto* part = std::get_if<wire::Part>(&reply.body)) {
    calls_.take_part(reply.id, *part, std::move(frame));
  } else if (const auto* failure = std::get_if<wire::Failed>(&reply.body)) {
    // An append that the server cannot read: what it holds of it is unknown.
    if (reply.id == 0) return lose_connection(now, SavedError(failure->error));
    calls_.fail(reply.id, failure->error);
  }
  backoff_ = {};
  last_failure_.reset();
}

void Session::take_welcome(const wire::Welcome& welcome) {
  const bool is_another = is_ready_ && welcome.incarnation != welcome_.incarnation;
  const bool has_forgotten = welcome.applied < window_.acknowledged();
  const bool may_have_known = is_ready_ && welcome.applied == 0 && welcome.forgotten != welcome_.forgotten;
  // What was in memory only is gone together with what was known of it, and can be sent again.
  const bool has_lost = has_forgotten && welcome_.durability != Durability::memory;
  const bool was_in_memory =
      welcome_.durability == Durability::memory && window_.acknowledged_count() > handed_down_count_;
  if ((may_have_known || has_lost) && window_.has_sent()) give_up_sent();
  if (has_forgotten || (is_another && was_in_memory)) {
    remember(
        SavedError::of(NetworkError("cannot say that all appends are kept: the server " + accrete::quoted(endpoint_) +
                                    " was restarted, and those that it had only in memory may be lost; "
                                    "compare what is there with what was appended")),
        true);
    handed_down_count_ = window_.acknowledged_count();
  }
  if (!window_.restart(welcome.applied)) {
    throw NetworkError("cannot take a server's welcome: it knows appends that were not sent");
  }
  if (is_another) handed_down_count_ = window_.acknowledged_count();
  calls_.restart();
  paused_.reset();
  welcome_ = welcome;
  window_limit_ = std::min(options_.window_bytes, welcome.window);
  // Two messages or more in flight: the server works on one while the other is on its way.
  batch_limit_ = std::min({options_.batch_bytes, welcome.max_message, window_limit_ / 2, GatheredBatch::max_bytes});
  link_ = Link::welcomed;
  is_ready_ = true;
}

void Session::give_up_sent() {
  const SavedError error = SavedError::of(UnknownOutcomeError(
      "cannot say what has become of batches that were sent: the server " + accrete::quoted(endpoint_) +
      " does not know this client's session any more, as it keeps only so many; they may have been applied, and are "
      "not sent again: compare what is there with what was appended"));
  if (window_.give_up_sent(error)) remember(error, true);
}

void Session::take_refused(Clock::time_point now, const wire::Refused& refused) {
  const SavedError error(refused.error);
  const std::optional<SendWindow::Refusal> refusal = window_.refuse(refused.sequence, error);
  progress_at_ = now;
  if (!refusal) return;  // it was acknowledged or given up meanwhile
  if (!refusal->kept && !refusal->told) {
    remember(error.with_note("; what was appended with it, and not waited for, is given up"), true);
  }
  if (!refusal->kept) return;
  if (!refusal->told) remember(error, false);
  pause_ = std::clamp<std::chrono::milliseconds>(2 * pause_, shortest_pause, max_pause);
  paused_ = now + pause_;
}

void Session::say_goodbye() {
  if (link_ != Link::welcomed) return;
  std::string message;
  wire::encode_request({.body = wire::Bye{.writers = own_ids_.settled_writers()}}, message);
  (void)dealer_.try_send(message);
}

std::optional<std::chrono::milliseconds> Session::time_to_next(Clock::time_point now) const {
  std::optional<Clock::time_point> next;
  const auto consider = [&](Clock::time_point at) { next = next ? std::min(*next, at) : at; };
  if (link_ == Link::down) consider(retry_at_);
  if (link_ == Link::greeting || link_ == Link::connected) consider(opened_at_ + patience_.greeting);
  if (link_ == Link::welcomed) {
    if (pinged_at_) consider(*pinged_at_ + patience_.ping);
    if (!pinged_at_ && is_waiting_for_server()) consider(heard_at_ + patience_.silence);
    if (window_.in_flight()) consider(progress_at_ + no_progress_);
    if (paused_) consider(*paused_);
  }
  // One that is overdue waits for room, which comes with a message.
  if (!gathered_.empty() && now < gathered_since_ + options_.linger) consider(gathered_since_ + options_.linger);
  if (!next) return std::nullopt;
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(*next - now), std::chrono::milliseconds{0});
}

}  // namespace accrete
