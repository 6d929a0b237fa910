#include "cli/input_buffer.hpp"

#include <cstring>

namespace accrete::cli {
namespace {

constexpr std::size_t first_capacity = 1 << 20;  // bytes; larger ones leave the cache before they are parsed

}  // namespace

InputBuffer::InputBuffer(ByteSource& source)
    : source_(source), bytes_(first_capacity + padding), capacity_(first_capacity) {}

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
  if (kept.size() <= capacity_ / 2) {
    std::memmove(bytes_.data(), kept.data(), kept.size());
  } else {
    std::vector<char> larger(2 * capacity_ + padding);
    std::memcpy(larger.data(), kept.data(), kept.size());
    bytes_ = std::move(larger);
    capacity_ *= 2;
  }
  begin_ = 0;
  end_ = kept.size();
}

void InputBuffer::fill() {
  make_room();
  // To the brim, also from a pipe that gives little at a time: a long row is looked at anew after every call.
  while (end_ < capacity_ && !complete_) {
    const std::size_t got = source_.read({bytes_.data() + end_, capacity_ - end_});
    end_ += got;
    complete_ = got == 0;
  }
}

}  // namespace accrete::cli
