#include "typed/value_reader.hpp"

#include <accrete/error.hpp>
#include <algorithm>

#include "base/escape.hpp"

namespace accrete {
namespace {

/// Enough for the front of any piece, and for dozens of small ones.
constexpr std::uint64_t walk_bytes = 8192;
static_assert(walk_bytes >= max_piece_front_size);

[[noreturn]] void throw_torn(const PiecePlace& place, std::uint64_t end) {
  throw CorruptionError("the value of key " + quoted(place.key) + " ends at byte " + std::to_string(end) +
                        ", within the piece that begins at byte " + std::to_string(place.offset) + ": a torn tail");
}

[[noreturn]] void throw_erased(std::string_view key) {
  throw Error("the value of key " + quoted(key) + " was erased while it was read");
}

/// So that the window ends behind the front of a piece, if those that follow are like this one.
std::size_t window_of_pieces_like(const PieceHeader& header) noexcept {
  return std::max<std::size_t>(1, usual_payload_size / header.size()) * header.size() + header.payload_offset();
}

}  // namespace

std::size_t ValueReader::next() {
  count_ = 0;
  counted_bytes_ = 0;
  payloads_.clear();
  while (count_ == 0 && try_read_window()) find_pieces();
  return count_;
}

std::size_t ValueReader::estimate() const noexcept {
  if (counted_bytes_ == 0) return count_;
  const double parts = static_cast<double>(*end_) / static_cast<double>(counted_bytes_);
  return std::max(count_, static_cast<std::size_t>(static_cast<double>(count_) * parts));
}

/// False if all has been read.
bool ValueReader::try_read_window() {
  if (end_ && offset_ == *end_) return false;
  if (!store_) return true;
  const std::uint64_t left = end_ ? *end_ - offset_ : wanted_;
  window_begin_ = offset_;
  window_ = std::string();  // so that the next window takes the same memory, which is in the cache
  window_ = store_->get_range(key_, offset_, std::min<std::uint64_t>(wanted_, left));
  if (!end_) end_ = window_.size() < wanted_ ? window_.size() : store_->size(key_).value_or(0);
  if (window_.size() < std::min<std::uint64_t>(wanted_, *end_ - std::min(*end_, offset_))) throw_erased(key_);
  return !window_.empty();
}

void ValueReader::find_pieces() {
  const std::uint64_t begin = offset_;
  try {
    const auto has_room = [&] { return store_ || offset_ - begin < usual_payload_size; };
    while (has_room() && try_find_piece(std::string_view(window_).substr(offset_ - window_begin_))) {
    }
  } catch (const Error&) {
    if (count_ == 0) throw;  // else the next call finds it again
  }
  counted_bytes_ += offset_ - begin;
}

/// False: the window ends before the piece does.
bool ValueReader::try_find_piece(std::string_view left) {
  if (left.empty()) return false;
  const PiecePlace place{.key = key_, .offset = offset_};
  const std::optional<PieceHeader> header = try_decode_piece_header(left, place);
  if (!header || header->size() > left.size()) {
    if (offset_ + left.size() == *end_) throw_torn(place, *end_);
    if (header) wanted_ = window_of_pieces_like(*header);
    return false;
  }
  add_piece(*header, left, place);
  offset_ += header->size();
  return true;
}

void ValueReader::add_piece(const PieceHeader& header, std::string_view bytes, const PiecePlace& place) {
  if (!type_) type_ = ElementType::try_decode(header.type);
  if (!type_) throw_damaged_piece(place, "the header of a piece names no type of elements");
  check_type(header, *type_, place);
  const std::string_view payload = checked_payload(header, bytes, place);
  if (!has_only_bools(*type_, payload)) throw_damaged_piece(place, "a bool is neither 0 nor 1");
  if (payload.empty()) return;
  payloads_.push_back(payload);
  count_ += header.count;
}

std::optional<ValueCount> count_elements(const Store& store, std::string_view key, const ElementType& type) {
  const std::optional<std::uint64_t> size = store.size(key);
  if (!size) return std::nullopt;
  ValueCount count;
  while (count.bytes < *size) {
    const std::uint64_t wanted = std::min(walk_bytes, *size - count.bytes);
    const std::string window = store.get_range(key, count.bytes, wanted);
    if (window.size() < wanted) throw_erased(key);
    const std::uint64_t begin = count.bytes;
    while (count.bytes - begin < window.size()) {
      const PiecePlace place{.key = key, .offset = count.bytes};
      const auto header = try_decode_piece_header(std::string_view(window).substr(count.bytes - begin), place);
      if (!header && count.bytes > begin && begin + wanted < *size) break;
      if (!header || header->size() > *size - count.bytes) throw_torn(place, *size);
      check_type(*header, type, place);
      count.elements += header->count;
      count.bytes += header->size();
    }
  }
  return count;
}

bool begins_with(const Store& store, std::string_view key, const ElementType& type) {
  const std::string front = store.get_range(key, 0, max_piece_front_size);
  if (front.empty()) return false;
  const PiecePlace place{.key = key, .offset = 0};
  const std::optional<PieceHeader> header = try_decode_piece_header(front, place);
  if (!header) throw_torn(place, front.size());
  check_type(*header, type, place);
  return true;
}

}  // namespace accrete
