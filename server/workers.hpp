// The threads that answer requests other than appends.
#pragma once

#include <cstddef>
#include <thread>
#include <vector>

#include "layer/buffered_store.hpp"
#include "server/queue.hpp"
#include "server/results.hpp"
#include "server/tasks.hpp"

namespace accrete::server {

/// Answers a hello: a Greeting, or a failed Answer.
[[nodiscard]] Result greet(BufferedStore& store, const ClientHandle& client, std::uint64_t request,
                           const wire::SessionId& session);

class Workers {
 public:
  struct Threads {
    std::size_t count = 1;
    bool give_way = false;  ///< to the threads that take appends, where there is not enough processor for all
  };
  /// `messages`: memory for large replies.
  Workers(BufferedStore& store, Results& results, ReplyBudget& budget, MessagePool& messages, const Threads& threads);
  /// Each thread ends after the request that it is answering.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void push(RequestTask task) { tasks_.push(std::move(task)); }

 private:
  void run();
  void end() noexcept;

  BufferedStore& store_;
  Results& results_;
  ReplyBudget& budget_;
  MessagePool& messages_;
  Queue<RequestTask> tasks_;
  std::vector<std::thread> threads_;
};

}  // namespace accrete::server
