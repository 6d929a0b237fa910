#include "cli/load/batch_appender.hpp"

#include <accrete/error.hpp>
#include <chrono>

#include "cli/append_for_certain.hpp"

namespace accrete::cli {

std::uint64_t BatchAppender::identify(const WriterId& writer) {
  writer_ = writer;
  begin_ = store_.last_sequence(writer).value_or(0);
  return begin_;
}

void BatchAppender::submit(std::uint64_t end) {
  wait();
  if (gathering_.rows() == 0) return;
  std::swap(gathering_, appending_);
  // Where no thread is left, it is done when it is waited for.
  pending_ = std::async(std::launch::async | std::launch::deferred,
                        [this, begin = begin_, end] { return append(appending_.entries(), begin, end); });
  begin_ = end;
}

void BatchAppender::wait() {
  if (!pending_.valid()) return;
  try {
    constexpr std::chrono::milliseconds pause{100};
    while (pending_.wait_for(pause) == std::future_status::timeout) on_waiting_();
    const bool appended = pending_.get();
    rows_ += appended ? appending_.rows() : 0;
    bytes_ += appended ? appending_.bytes() : 0;
  } catch (...) {
    failed_ = true;
    throw;
  }
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
