#include "cli/load/input_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace accrete::cli {
namespace {

constexpr std::chrono::seconds max_stay{1};  // of bytes that have come, while more are waited for

}  // namespace

InputBuffer::InputBuffer(ByteSource& source, std::size_t window, std::uint64_t max_text, int stop_fd)
    : source_(source), window_(window), max_text_(max_text), stop_fd_(stop_fd) {
  grow(window);
}

void InputBuffer::grow(std::size_t capacity) {
  auto* const larger = static_cast<char*>(std::realloc(bytes_.get(), capacity + padding));
  if (!larger) throw std::bad_alloc();
  (void)bytes_.release();
  bytes_.reset(larger);
  std::memset(larger + capacity, 0, padding);
  capacity_ = capacity;
}

void InputBuffer::consume(std::size_t size) noexcept {
  if (hashed_to_) (void)hash_to(offset_ + size);
  begin_ += size;
  offset_ += size;
}

std::uint64_t InputBuffer::hash_to(std::uint64_t offset) noexcept {
  hash_.update(text().substr(*hashed_to_ - offset_, offset - *hashed_to_));
  hashed_to_ = offset;
  return hash_.digest();
}

void InputBuffer::make_room() {
  const std::string_view kept = text();
  std::memmove(bytes_.get(), kept.data(), kept.size());
  begin_ = 0;
  end_ = kept.size();
  if (kept.size() <= capacity_ / 2) return;
  const bool is_enough = 2 * capacity_ - window_ >= max_text_;
  grow(is_enough ? std::max(static_cast<std::size_t>(max_text_), capacity_) + window_ : 2 * capacity_);
}

void InputBuffer::fill() {
  if (failure_) std::rethrow_exception(failure_);
  make_room();
  const std::size_t before = end_;
  // To the brim, also from a pipe that gives little at a time: a long row is looked at anew after every call.
  while (end_ < capacity_ && !complete_) {
    try {
      if (source_.wait(due_, stop_fd_) != ByteSource::Waited::input) return;
      end_ += read_more();
    } catch (...) {
      if (end_ == before) throw;
      failure_ = std::current_exception();
      return;
    }
    if (source_.size() || complete_) continue;  // not one whose bytes are waited for
    const Clock::time_point now = Clock::now();
    if (due_ && now >= *due_) return;
    if (!due_) due_ = now + max_stay;
  }
}

std::size_t InputBuffer::read_more() {
  const std::size_t got = source_.read({bytes_.get() + end_, capacity_ - end_});
  complete_ = got == 0;
  return got;
}

}  // namespace accrete::cli
