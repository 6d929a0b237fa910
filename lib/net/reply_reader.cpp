#include "net/reply_reader.hpp"

#include <accrete/error.hpp>
#include <algorithm>

#include "base/bytes.hpp"

namespace accrete {
namespace {

/// A server may lie about a value's size; what is more than this is taken as it comes.
constexpr std::uint64_t most_reserved = std::uint64_t{256} << 20;

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

void ValuesReader::add(std::string_view bytes) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::string_view piece = bytes.substr(0, left_);
      values_.back() += piece;
      left_ -= piece.size();
      bytes.remove_prefix(piece.size());
      continue;
    }
    const std::size_t header_size = has_count_ ? sizeof(std::uint64_t) : sizeof(std::uint32_t);
    const std::string_view piece = bytes.substr(0, header_size - header_.size());
    header_ += piece;
    bytes.remove_prefix(piece.size());
    if (header_.size() == header_size) take_header();
  }
}

void ValuesReader::take_header() {
  ByteReader reader(header_);
  if (!has_count_) {
    const auto count = reader.integer<std::uint32_t>();
    if (count != count_) {
      throw_bad_values("there are " + std::to_string(count) + ", and " + std::to_string(count_) + " were asked for");
    }
    has_count_ = true;
    values_.reserve(count_);
  } else {
    if (values_.size() == count_) throw_bad_values("bytes follow the last");
    left_ = reader.integer<std::uint64_t>();
    values_.emplace_back().reserve(static_cast<std::size_t>(std::min(left_, most_reserved)));
  }
  header_.clear();
}

void ValuesReader::restart() noexcept {
  has_count_ = false;
  header_.clear();
  values_.clear();
  left_ = 0;
}

std::vector<std::string>& ValuesReader::values() {
  if (!has_count_ || values_.size() != count_ || left_ > 0 || !header_.empty()) throw_bad_values("they end too early");
  return values_;
}

}  // namespace accrete
