#include "net/reply_reader.hpp"

#include <accrete/error.hpp>
#include <algorithm>

#include "base/bytes.hpp"

namespace accrete {
namespace {

/// A server may lie about a value's size; what is more than this is taken as it comes.
constexpr std::uint64_t max_reserved = std::uint64_t{64} << 20;

[[noreturn]] void throw_bad_values(const std::string& cause) {
  throw NetworkError("cannot read the values that a server sends: " + cause);
}

}  // namespace

void BytesReader::add(std::string_view bytes) {
  if (bytes.size() > limit_ - bytes_.size()) {
    throw NetworkError("cannot read a server's reply: it is longer than the " + std::to_string(limit_) +
                       " bytes that were asked for");
  }
  bytes_ += bytes;
}

void StringsReader::add(std::string_view bytes) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::string_view piece = bytes.substr(0, left_);
      *string_ += piece;
      left_ -= piece.size();
      bytes.remove_prefix(piece.size());
      continue;
    }
    const std::size_t head_size = has_head_ ? layout_.string_head_size : layout_.head_size;
    const std::string_view piece = bytes.substr(0, head_size - head_.size());
    head_ += piece;
    bytes.remove_prefix(piece.size());
    if (head_.size() == head_size) take_head();
  }
}

void StringsReader::take_head() {
  ByteReader reader(head_);
  if (!has_head_) {
    const std::uint32_t count = take_head(reader);
    if (count != count_) {
      throw_bad_values("there are " + std::to_string(count) + ", and " + std::to_string(count_) + " were asked for");
    }
    has_head_ = true;
    reserve(count_);
  } else {
    if (strings_ == count_) throw_bad_values("bytes follow the last");
    left_ = take_string_head(reader);
    string_ = &next_string();
    string_->reserve(static_cast<std::size_t>(std::min(left_, max_reserved)));
    ++strings_;
  }
  head_.clear();
}

void StringsReader::restart() noexcept {
  has_head_ = false;
  head_.clear();
  strings_ = 0;
  left_ = 0;
  forget();
}

void StringsReader::check_end() const {
  if (!has_head_ || strings_ != count_ || left_ > 0 || !head_.empty()) throw_bad_values("they end too early");
}

std::uint32_t LocatedReader::take_head(ByteReader& head) {
  const std::string_view dataset = head.bytes(located_.dataset.size());
  std::copy_n(as_byte_span(dataset).begin(), dataset.size(), located_.dataset.begin());
  located_.removals = head.integer<std::uint64_t>();
  return head.integer<std::uint32_t>();
}

std::uint64_t LocatedReader::take_string_head(ByteReader& head) {
  in_file_ = head.integer<std::uint64_t>();
  return head.integer<std::uint64_t>();
}

}  // namespace accrete
