#include "server/appender.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "os/thread.hpp"
#include "server/log.hpp"

namespace accrete::server {

Appender::Appender(BufferedStore& store, Results& results)
    : store_(store), results_(results), thread_(start_thread([this] { run(); })) {}

Appender::~Appender() {
  tasks_.close();
  thread_.join();
}

void Appender::run() {
  for (;;) {
    if (waiting_.empty()) {
      std::deque<AppendTask> tasks = tasks_.take_all();
      if (tasks.empty()) return;
      sort_in(std::move(tasks));
    } else {
      std::optional<std::deque<AppendTask>> tasks = tasks_.try_take_all();
      if (!tasks) return;
      sort_in(*std::move(tasks));
    }
    std::vector<AppendTask> batches = next_batches();
    append_batches(batches);
  }
}

void Appender::sort_in(std::deque<AppendTask> tasks) {
  for (AppendTask& task : tasks) {
    const wire::SessionId session = task.lane->session;
    std::deque<AppendTask>& of_session = waiting_[session];
    if (of_session.empty()) turns_.push_back(session);
    of_session.push_back(std::move(task));
  }
}

/// Of each session that has something waiting, its share.
std::vector<AppendTask> Appender::next_batches() {
  // What comes meanwhile waits until it is applied; one fdatasync, or one write to the journal, is little beside it.
  constexpr std::uint64_t group_bytes = std::uint64_t{2} << 20;
  constexpr std::uint64_t min_share = std::uint64_t{64} << 10;
  const std::uint64_t share = std::max(group_bytes / turns_.size(), min_share);
  std::vector<AppendTask> batches;
  for (std::size_t count = turns_.size(); count > 0; --count) {
    const wire::SessionId session = turns_.front();
    turns_.pop_front();
    const auto found = waiting_.find(session);
    take_share(found->second, share, batches);
    if (found->second.empty()) {
      waiting_.erase(found);
    } else {
      turns_.push_back(session);
    }
  }
  return batches;
}

/// Nothing of a session is applied together with, and after, a batch that the store may refuse for what it holds, nor
/// anything but batches after a batch.
void Appender::take_share(std::deque<AppendTask>& tasks, std::uint64_t share, std::vector<AppendTask>& batches) {
  std::uint64_t bytes = 0;
  for (bool is_first = true; !tasks.empty(); is_first = false) {
    AppendTask& task = tasks.front();
    const auto* const append = std::get_if<wire::Append>(&task.action);
    if (!append) {
      if (bytes > 0) return;
      run_other(task);
      tasks.pop_front();
      continue;
    }
    bytes += task.message.bytes().size();
    if (!is_first && bytes > share) return;
    const bool is_last = append->options.expect_size.has_value();
    batches.push_back(std::move(task));
    tasks.pop_front();
    if (is_last) return;
  }
}

void Appender::run_other(const AppendTask& task) {
  if (const auto* bye = std::get_if<wire::Bye>(&task.action)) {
    if (try_end_session(*task.lane, *bye)) results_.push(Farewell{.session = task.lane->session});
  } else {
    results_.push(Greeting{.client = task.client, .request = task.request});
  }
}

/// False if it is remembered on, as one whose client has died.
bool Appender::try_end_session(const Lane& lane, const wire::Bye& bye) {
  try {
    store_.end_session(lane.session, bye.writers);
    return true;
  } catch (const Error& error) {
    log::warning("cannot forget a session that has ended: {}", error.what());
    return false;
  }
}

void Appender::append_batches(std::vector<AppendTask>& tasks) {
  std::vector<SubmittedBatch> batches;
  std::vector<AppendTask*> members;
  for (AppendTask& task : tasks) {
    if (task.lane->abandoned || task.generation <= task.lane->failed_generation) {
      report(task, AppendResult::Outcome::passed_over, nullptr);
      continue;
    }
    if (const std::exception_ptr failure = begin_anew(*task.lane)) {
      refuse(task, failure);
      continue;
    }
    const auto& append = std::get<wire::Append>(task.action);
    batches.push_back({.entries = append.entries,
                       .encoded = append.encoded,
                       .options = append.options,
                       .session = BatchId{task.lane->session, append.sequence},
                       .has_own_id = append.has_own_id});
    members.push_back(&task);
  }
  std::exception_ptr failure_of_all;
  try {
    if (!batches.empty()) store_.append_batches(batches);
  } catch (...) {
    failure_of_all = std::current_exception();
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    AppendTask& task = *members[i];
    const std::exception_ptr failure = failure_of_all ? failure_of_all : batches[i].failure;
    if (task.generation <= task.lane->failed_generation) {
      report(task, AppendResult::Outcome::passed_over, nullptr);
    } else if (failure) {
      refuse(task, failure);
    } else {
      report(task, AppendResult::Outcome::applied, nullptr);
    }
  }
}

/// The failure, if there is one.
std::exception_ptr Appender::begin_anew(Lane& lane) {
  if (!lane.begins_anew) return nullptr;
  try {
    store_.end_session(lane.session, {});
    lane.begins_anew = false;
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

void Appender::refuse(AppendTask& task, const std::exception_ptr& failure) {
  task.lane->failed_generation = task.generation;
  report(task, AppendResult::Outcome::refused, failure);
}

void Appender::report(AppendTask& task, AppendResult::Outcome outcome, std::exception_ptr failure) {
  results_.push(AppendResult{.client = std::move(task.client),
                             .generation = task.generation,
                             .sequence = std::get<wire::Append>(task.action).sequence,
                             .bytes = task.message.bytes().size(),
                             .held_bytes = task.held_bytes(),
                             .outcome = outcome,
                             .failure = std::move(failure)});
}

}  // namespace accrete::server
