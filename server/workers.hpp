// The threads that answer requests other than appends.
#pragma once

#include <cstddef>
#include <thread>
#include <vector>

#include "layer/buffered/buffered_store.hpp"
#include "server/queue.hpp"
#include "server/results.hpp"
#include "server/tasks.hpp"

namespace accrete::server {

class Workers {
 public:
  struct Threads {
    std::size_t count = 1;
    bool give_way = false;  ///< to the threads that take appends, where there is not enough processor for all
  };
  /// `messages`: memory for large replies. `for_large`: who answers gets of large values instead; may be null.
  Workers(BufferedStore& store, Results& results, ReplyBudget& budget, MessagePool& messages, const Threads& threads,
          Workers* for_large = nullptr);
  /// Each thread ends after the request that it is answering.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void push(RequestTask task) { tasks_.push(std::move(task)); }

 private:
  void run();
  void run_one(RequestTask task);
  [[nodiscard]] bool is_large(const wire::Request& request) const;
  void end() noexcept;

  BufferedStore& store_;
  Results& results_;
  ReplyBudget& budget_;
  MessagePool& messages_;
  Workers* const for_large_;
  Queue<RequestTask> tasks_;
  std::vector<std::thread> threads_;
};

}  // namespace accrete::server
