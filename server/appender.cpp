#include "server/appender.hpp"

#include <set>
#include <span>
#include <utility>

#include "os/thread.hpp"
#include "server/log.hpp"
#include "server/workers.hpp"

namespace accrete::server {

Appender::Appender(BufferedStore& store, Results& results, std::uint64_t group_bytes)
    : store_(store), results_(results), group_bytes_(group_bytes), thread_(start_thread([this] { run(); })) {}

Appender::~Appender() {
  tasks_.close();
  thread_.join();
}

void Appender::run() {
  for (;;) {
    std::deque<AppendTask> tasks = tasks_.take_all();
    if (tasks.empty()) return;
    run_all(std::move(tasks));
  }
}

void Appender::run_all(std::deque<AppendTask> tasks) {
  while (!tasks.empty()) {
    const AppendTask& first = tasks.front();
    if (!std::holds_alternative<wire::Append>(first.action)) {
      if (const auto* bye = std::get_if<wire::Bye>(&first.action)) end_session(*first.lane, *bye);
      if (std::holds_alternative<wire::Hello>(first.action)) {
        results_.push(greet(store_, first.client, first.request, first.lane->session));
      }
      tasks.pop_front();
      continue;
    }
    const std::size_t count = next_group(tasks);
    append_group(tasks, count);
    tasks.erase(tasks.begin(), tasks.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

void Appender::end_session(const Lane& lane, const wire::Bye& bye) {
  try {
    store_.end_session(lane.session);
    for (const WriterId& writer : bye.writers) {
      if (lane.own_writers.contains(writer)) store_.end_writer(writer);
    }
  } catch (const Error& error) {
    log::warning("cannot end a session: {}", error.what());
  }
}

/// How many tasks at the front can share a group. Nothing of a lane stands behind a batch of it that the store may
/// refuse for what it holds.
std::size_t Appender::next_group(const std::deque<AppendTask>& tasks) const {
  std::set<const Lane*> ended;
  std::uint64_t bytes = 0;
  std::size_t count = 0;
  for (const AppendTask& task : tasks) {
    const auto* const append = std::get_if<wire::Append>(&task.action);
    if (!append || ended.contains(task.lane.get())) break;
    bytes += task.frame.bytes().size();
    if (count > 0 && bytes > group_bytes_) break;
    if (append->options.expect_size) ended.insert(task.lane.get());
    ++count;
  }
  return count;
}

void Appender::append_group(std::deque<AppendTask>& tasks, std::size_t count) {
  std::vector<GroupedBatch> batches;
  std::vector<AppendTask*> members;
  for (std::size_t i = 0; i < count; ++i) {
    AppendTask& task = tasks[i];
    if (task.lane->abandoned || task.generation <= task.lane->failed_generation) {
      report(task, AppendResult::Outcome::passed_over, nullptr);
      continue;
    }
    const auto& append = std::get<wire::Append>(task.action);
    if (append.has_own_id) task.lane->own_writers.insert(append.options.id->writer);
    batches.push_back({.entries = append.entries,
                       .options = append.options,
                       .session = BatchId{task.lane->session, append.sequence}});
    members.push_back(&task);
  }
  std::exception_ptr failure_of_all;
  try {
    if (!batches.empty()) store_.append_group(batches);
  } catch (...) {
    failure_of_all = std::current_exception();
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    AppendTask& task = *members[i];
    const std::exception_ptr failure = failure_of_all ? failure_of_all : batches[i].failure;
    if (task.generation <= task.lane->failed_generation) {
      report(task, AppendResult::Outcome::passed_over, nullptr);
    } else if (failure) {
      task.lane->failed_generation = task.generation;
      report(task, AppendResult::Outcome::refused, failure);
    } else {
      report(task, AppendResult::Outcome::applied, nullptr);
    }
  }
}

void Appender::report(AppendTask& task, AppendResult::Outcome outcome, std::exception_ptr failure) {
  results_.push(AppendResult{.client = std::move(task.client),
                             .generation = task.generation,
                             .sequence = std::get<wire::Append>(task.action).sequence,
                             .bytes = task.frame.bytes().size(),
                             .outcome = outcome,
                             .failure = std::move(failure)});
}

}  // namespace accrete::server
