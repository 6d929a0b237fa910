// The thread that appends: it gives all batches that have come meanwhile to the store as one group. It may wait in the
// store while memory is full; the main loop does not.
#pragma once

#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "layer/buffered_store.hpp"
#include "server/queue.hpp"
#include "server/results.hpp"
#include "server/tasks.hpp"

namespace accrete::server {

class Appender {
 public:
  Appender(BufferedStore& store, Results& results, std::uint64_t group_bytes);
  /// Ends after the group that is being applied.
  ~Appender();
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  void push(AppendTask task) { tasks_.push(std::move(task)); }

 private:
  void run();
  void run_all(std::deque<AppendTask> tasks);
  void end_session(const Lane& lane, const wire::Bye& bye);
  [[nodiscard]] std::size_t next_group(const std::deque<AppendTask>& tasks) const;
  void append_group(std::deque<AppendTask>& tasks, std::size_t count);
  void report(AppendTask& task, AppendResult::Outcome outcome, std::exception_ptr failure);

  BufferedStore& store_;
  Results& results_;
  const std::uint64_t group_bytes_;
  Queue<AppendTask> tasks_;
  std::thread thread_;
};

}  // namespace accrete::server
