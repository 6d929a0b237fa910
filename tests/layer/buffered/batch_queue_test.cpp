// The queue of batches, among threads: each batch is applied once, in its order, before its thread goes on.
#include "layer/buffered/batch_queue.hpp"

#include <array>
#include <atomic>
#include <barrier>
#include <doctest/doctest.h>
#include <mutex>
#include <thread>
#include <vector>

#include "support/commands.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

/// A queue, and what is applied by way of it. A batch gets its place among all of them as its expect_size.
class AppliedBatches {
 public:
  /// False if not all was as it should be.
  [[nodiscard]] bool run(std::size_t count) {
    std::vector<SubmittedBatch> batches(count);
    queue_.run(batches, [this](std::span<SubmittedBatch* const> together) noexcept { apply(together); });
    std::uint64_t before = 0;
    for (const SubmittedBatch& batch : batches) {
      const std::uint64_t place = batch.options.expect_size.value_or(0);
      if (place <= before) return false;
      before = place;
    }
    return true;
  }

  /// As around a fork. False if something was being applied.
  [[nodiscard]] bool keep_out() {
    queue_.before_fork();
    const std::uint64_t applied = applied_;
    bool is_quiet = !is_applying_;
    linger();
    is_quiet = is_quiet && !is_applying_ && applied_ == applied;
    queue_.after_fork_in_parent();
    return is_quiet;
  }

  [[nodiscard]] std::uint64_t applied() const noexcept { return applied_; }
  [[nodiscard]] std::size_t max_together() const noexcept { return max_together_; }
  [[nodiscard]] bool is_sound() const noexcept { return is_sound_; }

 private:
  /// So that others come meanwhile.
  static void linger() noexcept {
    for (int i = 0; i < 5; ++i) std::this_thread::yield();
  }

  void apply(std::span<SubmittedBatch* const> together) noexcept {
    if (is_applying_.exchange(true)) is_sound_ = false;
    linger();
    for (SubmittedBatch* const batch : together) {
      if (batch->options.expect_size) is_sound_ = false;
      batch->options.expect_size = ++applied_;
    }
    max_together_ = std::max(max_together_, together.size());
    is_applying_ = false;
  }

  BatchQueue queue_;
  std::atomic<bool> is_applying_ = false;
  std::atomic<bool> is_sound_ = true;
  std::atomic<std::uint64_t> applied_ = 0;
  std::size_t max_together_ = 0;  // written by who applies them
};

constexpr std::size_t thread_count = 3;

/// What each thread does: runs of so many batches.
using Programs = std::array<std::vector<std::size_t>, thread_count>;

void run_programs(AppliedBatches& batches, const Programs& programs, std::size_t forks) {
  std::atomic<bool> is_in_order = true;
  std::uint64_t expected = batches.applied();
  std::vector<std::thread> threads;
  std::barrier begin(thread_count + 1);
  for (const std::vector<std::size_t>& program : programs) {
    for (const std::size_t count : program) expected += count;
    threads.emplace_back([&] {
      begin.arrive_and_wait();
      for (const std::size_t count : program) {
        if (!batches.run(count)) is_in_order = false;
      }
    });
  }
  begin.arrive_and_wait();
  bool is_kept_out = true;
  for (std::size_t i = 0; i < forks; ++i) is_kept_out = batches.keep_out() && is_kept_out;
  for (std::thread& thread : threads) thread.join();
  require(is_in_order, "a thread goes on when all its batches are applied, in their order");
  require(batches.is_sound(), "those of one call are applied at a time, and no batch twice");
  require(is_kept_out, "nothing is applied around a fork");
  require(batches.applied() == expected, "all batches are applied");
}

TEST_CASE("of threads that come together each has its batches applied once, in their order, before it goes on") {
  const std::vector<CommandKind> kinds = {
      {.name = "run", .arguments = {Argument::below(thread_count), Argument::one_of({1, 0, 2, 3})}},
      {.name = "run", .arguments = {Argument::below(thread_count), Argument::one_of({1, 0, 2, 3})}},
      {.name = "fork"},
  };
  CHECK(counterexample(kinds, {}, [](std::span<const DrawnCommand> sequence) {
          Programs programs;
          std::size_t forks = 0;
          for (const DrawnCommand& command : sequence) {
            if (command.kind == 2) {
              ++forks;
            } else {
              programs.at(command.arguments[0]).push_back(command.arguments[1]);
            }
          }
          AppliedBatches batches;
          run_programs(batches, programs, forks);
        }) == "");
}

TEST_CASE("batches of several threads are applied together") {
  AppliedBatches batches;
  Programs programs;
  programs.fill(std::vector<std::size_t>(100, 1));
  while (batches.max_together() < 2) run_programs(batches, programs, 0);
}

}  // namespace
}  // namespace accrete::test
