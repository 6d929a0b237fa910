#include "cli/load/batch_appender.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>

#include "cli/append_for_certain.hpp"

namespace accrete::cli {
namespace {

/// In the order of their keys, so that no store has to find out which belong together.
std::vector<Entry> entries_of(const std::vector<Batch>& batches) {
  std::vector<Entry> entries;
  for (const Batch& batch : batches) batch.append_entries(entries);
  std::ranges::stable_sort(entries, {}, &Entry::key);
  return entries;
}

std::uint64_t rows_of(const std::vector<Batch>& batches) {
  return std::transform_reduce(batches.begin(), batches.end(), std::uint64_t{0}, std::plus{},
                               std::mem_fn(&Batch::rows));
}

std::uint64_t bytes_of(const std::vector<Batch>& batches) {
  return std::transform_reduce(batches.begin(), batches.end(), std::uint64_t{0}, std::plus{},
                               std::mem_fn(&Batch::bytes));
}

}  // namespace

Batch& BatchAppender::last_gathered() {
  if (gathering_.empty()) gathering_.push_back(make_batch());
  return gathering_.back();
}

Batch BatchAppender::make_batch() {
  if (free_.empty()) return {};
  Batch batch = std::move(free_.back());
  free_.pop_back();
  return batch;
}

void BatchAppender::gather(Batch batch) { gathering_.push_back(std::move(batch)); }

void BatchAppender::discard(Batch batch) {
  batch.clear();
  free_.push_back(std::move(batch));
}

std::uint64_t BatchAppender::gathered_store_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const Batch& batch : gathering_) bytes += batch.store_bytes();
  return bytes;
}

std::uint64_t BatchAppender::identify(const WriterId& writer) {
  writer_ = writer;
  begin_ = store_.last_sequence(writer).value_or(0);
  return begin_;
}

void BatchAppender::submit(std::uint64_t end) {
  wait();
  std::swap(gathering_, appending_);
  // Where no thread is left, it is done when it is waited for.
  pending_ = std::async(std::launch::async | std::launch::deferred,
                        [this, begin = begin_, end] { return append(entries_of(appending_), begin, end); });
  begin_ = end;
}

void BatchAppender::wait() {
  if (!pending_.valid()) return;
  try {
    constexpr std::chrono::milliseconds pause{100};
    while (pending_.wait_for(pause) == std::future_status::timeout) on_waiting_();
    const bool appended = pending_.get();
    rows_ += appended ? rows_of(appending_) : 0;
    bytes_ += appended ? bytes_of(appending_) : 0;
  } catch (...) {
    failed_ = true;
    throw;
  }
  for (Batch& batch : appending_) discard(std::move(batch));
  appending_.clear();
}

void BatchAppender::append_row(std::span<const Entry> row, std::uint64_t end) {
  wait();
  try {
    const bool appended = append(row, begin_, end);
    rows_ += appended ? 1 : 0;
    for (const Entry& entry : row) bytes_ += appended ? entry.bytes.size() : 0;
  } catch (...) {
    failed_ = true;
    throw;
  }
  begin_ = end;
}

bool BatchAppender::append(std::span<const Entry> entries, std::uint64_t begin, std::uint64_t end) {
  if (!writer_) {
    append_for_certain(store_, entries);
    return true;
  }
  // The store would pass over a batch that another process with the same id was first with; it could not tell one that
  // overlaps with another's, which a file that grew between two loads makes possible.
  const std::uint64_t last = store_.last_sequence(*writer_).value_or(0);
  if (last >= end) return false;
  if (last > begin) throw Error("another load with the same id is at work on a different length of this input");
  append_for_certain(store_, entries, {.id = BatchId{*writer_, end}});
  return true;
}

}  // namespace accrete::cli
