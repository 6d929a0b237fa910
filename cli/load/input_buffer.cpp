#include "cli/load/input_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace accrete::cli {
namespace {

constexpr std::size_t first_capacity = 1 << 20;  // bytes; larger ones leave the cache before they are parsed

constexpr std::chrono::seconds max_stay{1};  // of bytes that have come, while more are waited for

}  // namespace

InputBuffer::InputBuffer(ByteSource& source, std::uint64_t max_text, int stop_fd)
    : source_(source), max_text_(max_text), stop_fd_(stop_fd), may_wait_(!source.size()) {
  grow(first_capacity);
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
  const bool is_enough = 2 * capacity_ - first_capacity >= max_text_;
  grow(is_enough ? std::max(static_cast<std::size_t>(max_text_), capacity_) + first_capacity : 2 * capacity_);
}

void InputBuffer::fill() {
  make_room();
  // To the brim, also from a pipe that gives little at a time: a long row is looked at anew after every call.
  while (end_ < capacity_ && !complete_) {
    if (source_.wait(due_, stop_fd_) != ByteSource::Waited::input) return;
    const std::size_t got = source_.read({bytes_.get() + end_, capacity_ - end_});
    end_ += got;
    complete_ = got == 0;
    if (!may_wait_ || complete_) continue;
    const Clock::time_point now = Clock::now();
    if (due_ && now >= *due_) return;
    if (!due_) due_ = now + max_stay;
  }
}

}  // namespace accrete::cli
