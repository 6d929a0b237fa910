// Appends batches of one input in their order, each while the next one is gathered.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "cli/load/batch.hpp"

namespace accrete::cli {

class BatchAppender {
 public:
  /// `on_waiting` is called now and then while a batch is waited for.
  BatchAppender(Store& store, std::function<void()> on_waiting) : store_(store), on_waiting_(std::move(on_waiting)) {}

  /// Gives the batches ids of this writer. Returns the sequence up to which they have been appended already, or 0.
  std::uint64_t identify(const WriterId& writer);

  /// The one to add a row to that comes next.
  [[nodiscard]] Batch& last_gathered();

  /// An empty one, with the memory of one that was appended, where there is one.
  [[nodiscard]] Batch make_batch();
  /// Rows that come after all that was gathered.
  void gather(Batch batch);
  /// Of a batch whose rows are not wanted, only the memory is.
  void discard(Batch batch);

  /// How much of Store::max_batch_bytes it takes at most to append what was gathered.
  [[nodiscard]] std::uint64_t gathered_store_bytes() const noexcept;

  /// Begins to append what was gathered, up to the sequence `end`, once the batch before it is appended. Throws what
  /// that one threw; nothing further is appended then.
  void submit(std::uint64_t end);

  /// Appends one row by itself, up to the sequence `end`, without copying it: one that is large. All that was gathered
  /// must have been submitted.
  void append_row(std::span<const Entry> row, std::uint64_t end);

  /// Waits until all that was submitted is appended; throws what was thrown.
  void wait();

  [[nodiscard]] bool failed() const noexcept { return failed_; }

  /// What is appended for certain.
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  /// False if another process has appended the same batch meanwhile.
  bool append(std::span<const Entry> entries, std::uint64_t begin, std::uint64_t end);

  Store& store_;
  const std::function<void()> on_waiting_;
  std::optional<WriterId> writer_;
  std::uint64_t begin_ = 0;  // the sequence after which the batch begins that is gathered
  std::vector<Batch> gathering_;
  std::vector<Batch> appending_;  // belongs to the other thread while pending_ is valid
  std::vector<Batch> free_;
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
  bool failed_ = false;
  std::future<bool> pending_;  // last, so that its destructor, which waits, runs first
};

}  // namespace accrete::cli
