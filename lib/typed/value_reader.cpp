#include "typed/value_reader.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <functional>

#include "base/escape.hpp"
#include "base/hash.hpp"
#include "store/consistently.hpp"

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
  throw ErasedError("the value of key " + quoted(key) +
                    " was erased, or may have been, while it was read in several steps: read it again");
}

using ReadRange = std::function<std::string(std::uint64_t offset, std::uint64_t size)>;
/// `front`: the bytes of the header without its schema.
using VisitHeader = std::function<void(const PieceHeader& header, std::string_view front, const PiecePlace& place)>;

/// Visits the headers of all pieces of a value of `end` bytes.
void walk_headers(std::string_view key, std::uint64_t end, const ReadRange& read, const VisitHeader& visit) {
  for (std::uint64_t offset = 0; offset < end;) {
    const std::uint64_t begin = offset;
    const std::uint64_t wanted = std::min(walk_bytes, end - begin);
    const std::string window = read(begin, wanted);
    if (window.size() < wanted) throw_erased(key);
    while (offset - begin < window.size()) {
      const PiecePlace place{.key = key, .offset = offset};
      const std::string_view bytes = std::string_view(window).substr(offset - begin);
      const std::optional<PieceHeader> header = try_decode_piece_header(bytes, place);
      if (!header && offset > begin && begin + wanted < end) break;
      if (!header || header->size() > end - offset) throw_torn(place, end);
      visit(*header, bytes.substr(0, piece_header_size), place);
      offset += header->size();
    }
  }
}

ReadRange reads_of(const Store& store, std::string_view key) {
  return [&store, key](std::uint64_t offset, std::uint64_t size) { return store.get_range(key, offset, size); };
}

std::uint64_t fingerprint_of(std::string_view front, std::uint64_t of_those_before) noexcept {
  return hash64(front, of_those_before);
}

/// Of the pieces of the first `end` bytes, or something else where these are not pieces.
std::optional<std::uint64_t> try_find_fingerprint(const Store& store, std::string_view key, std::uint64_t end) {
  std::uint64_t fingerprint = 0;
  try {
    walk_headers(key, end, reads_of(store, key), [&](const PieceHeader&, std::string_view front, const PiecePlace&) {
      fingerprint = fingerprint_of(front, fingerprint);
    });
  } catch (const Error&) {
    return std::nullopt;
  }
  return fingerprint;
}

ValueCount count_in(std::string_view key, std::uint64_t end, const ElementType& type, const ReadRange& read) {
  ValueCount count{.bytes = end};
  walk_headers(key, end, read, [&](const PieceHeader& header, std::string_view, const PiecePlace& place) {
    check_type(header, type, place);
    count.elements += header.count;
  });
  return count;
}

ValueCount count_in(std::string_view key, const std::string& value, const ElementType& type) {
  return count_in(key, value.size(), type,
                  [&](std::uint64_t offset, std::uint64_t size) { return value.substr(offset, size); });
}

/// So that the window ends after the front of a piece, if those that follow are like this one.
std::size_t window_of_pieces_like(const PieceHeader& header) noexcept {
  return std::max<std::size_t>(1, usual_payload_size / header.size()) * header.size() + header.payload_offset();
}

}  // namespace

std::size_t ValueReader::next(std::span<char> room) {
  count_ = 0;
  counted_bytes_ = 0;
  payloads_.clear();
  while (count_ == 0 && try_read_window(room)) find_pieces();
  if (count_ == 0) check_still_there();
  return count_;
}

std::size_t ValueReader::capacity() const noexcept {
  if (counted_bytes_ == 0 || counted_bytes_ == *end_) return count_;
  const double parts = static_cast<double>(*end_) / static_cast<double>(counted_bytes_);
  const auto likely = static_cast<std::size_t>(static_cast<double>(count_) * parts);
  const std::uint64_t max_reserve = *end_ / type_->size();  // as if nothing but elements were stored
  return std::max<std::size_t>(count_, std::min<std::uint64_t>(likely + likely / 16 + 1, max_reserve));
}

/// False if all has been read.
bool ValueReader::try_read_window(std::span<char> room) {
  if (end_ && offset_ == *end_) return false;
  if (!store_) return true;
  window_begin_ = offset_;
  memory_ = std::string();  // so that the next window takes the same memory, which is in the cache
  if (!end_) {
    read_first_window();
    return !window_.empty();
  }
  const std::uint64_t size = std::min<std::uint64_t>(wanted_, *end_ - offset_);
  if (size <= room.size()) {
    window_ = {room.data(), store_->get_range_into(key_, offset_, room.first(size))};
  } else {
    window_ = memory_ = store_->get_range(key_, offset_, size);
  }
  if (window_.size() < size) throw_erased(key_);
  return true;
}

/// Finds out where the value ends, too.
void ValueReader::read_first_window() {
  window_ = memory_ = store_->get_range(key_, 0, wanted_);
  end_ = window_.size();
  if (window_.size() < wanted_) return;
  removals_ = store_->removals();
  window_ = memory_ = store_->get_range(key_, 0, wanted_);
  end_ = store_->size(key_).value_or(0);
  if (window_.size() != std::min<std::uint64_t>(wanted_, *end_)) throw_erased(key_);
}

void ValueReader::check_still_there() {
  if (!removals_) return;
  const auto has_same_headers = [&](std::uint64_t) {
    return try_find_fingerprint(*store_, key_, *end_) == fingerprint_;
  };
  const bool is_there =
      store_->removals() == removals_ || consistently(*store_, has_same_headers, [] { return false; });
  if (!is_there) throw_erased(key_);
  removals_.reset();
}

void ValueReader::find_pieces() {
  const std::uint64_t begin = offset_;
  try {
    const auto has_room = [&] { return store_ || offset_ - begin < usual_payload_size; };
    while (has_room() && try_find_piece(window_.substr(offset_ - window_begin_))) {
    }
  } catch (const Error&) {
    if (count_ == 0) {
      if (removals_ && store_->removals() != removals_) throw_erased(key_);
      throw;
    }
    // The next call finds it again.
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
  if (removals_) fingerprint_ = fingerprint_of(left.substr(0, piece_header_size), fingerprint_);
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
  for (;;) {
    const std::string front = store.get_range(key, 0, walk_bytes);
    if (front.size() == walk_bytes) break;
    if (!front.empty()) return count_in(key, front, type);
    const std::optional<std::uint64_t> size = store.size(key);
    if (!size) return std::nullopt;
    if (*size == 0) return ValueCount{};
    // Others have begun it in between.
  }
  return consistently(
      store,
      [&](std::uint64_t) -> std::optional<ValueCount> {
        const std::optional<std::uint64_t> size = store.size(key);
        if (!size) return std::nullopt;
        return count_in(key, *size, type, reads_of(store, key));
      },
      [&]() -> std::optional<ValueCount> {
        const std::string value = store.get(key);
        if (value.empty() && !store.size(key)) return std::nullopt;
        return count_in(key, value, type);
      });
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
