// The thread that appends: it gives batches that have come meanwhile to the store together, of each session its
// share, so that nobody's batch waits for all that another client has in its window. It may wait in the store while
// memory is full; the main loop does not.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <thread>
#include <vector>

#include "layer/buffered/buffered_store.hpp"
#include "server/queue.hpp"
#include "server/results.hpp"
#include "server/tasks.hpp"

namespace accrete::server {

class Appender {
 public:
  Appender(BufferedStore& store, Results& results);
  /// Ends after what is being applied.
  ~Appender();
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  void push(AppendTask task) { tasks_.push(std::move(task)); }

 private:
  void run();
  void sort_in(std::deque<AppendTask> tasks);
  [[nodiscard]] std::vector<AppendTask> next_batches();
  void take_share(std::deque<AppendTask>& tasks, std::uint64_t share, std::vector<AppendTask>& batches);
  void run_other(const AppendTask& task);
  [[nodiscard]] bool try_end_session(const Lane& lane, const wire::Bye& bye);
  void append_batches(std::vector<AppendTask>& tasks);
  [[nodiscard]] std::exception_ptr begin_anew(Lane& lane);
  void refuse(AppendTask& task, const std::exception_ptr& failure);
  void report(AppendTask& task, AppendResult::Outcome outcome, std::exception_ptr failure);

  BufferedStore& store_;
  Results& results_;
  Queue<AppendTask> tasks_;

  // Used by the thread:
  std::map<wire::SessionId, std::deque<AppendTask>> waiting_;  // in the order of each session
  std::deque<wire::SessionId> turns_;                          // those that have something waiting

  std::thread thread_;  // the last member: it uses the others
};

}  // namespace accrete::server
