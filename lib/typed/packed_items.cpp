#include <accrete/packed_items.hpp>
#include <algorithm>
#include <array>
#include <limits>

#include "base/escape.hpp"
#include "typed/packed_scan.hpp"
#include "typed/packed_token.hpp"

namespace accrete {
namespace {

using Result = PackedScan::Result;

constexpr std::uint64_t window_bytes = 256 << 10;
constexpr std::size_t most_shown = 8;  // elements of an item, in a message

std::string_view name_of(PackedKind kind) {
  constexpr std::array<std::string_view, 12> names = {"nil",    "boolean", "integer",   "integer", "float", "float",
                                                      "string", "binary",  "extension", "array",   "map",   "invalid"};
  return names[static_cast<std::size_t>(kind)];
}

/// Passes over what `token` heads.
void skip(std::string_view& item, const PackedToken& token) {
  if (token.has_body()) static_cast<void>(take_packed_body(item, token));
  for (std::uint64_t inside = token.objects_inside(); token.is_container() && inside > 0; --inside) {
    skip(item, take_packed_token(item));
  }
}

/// The name of the object at the front, which is taken off.
std::string_view take_name(std::string_view& item) {
  const PackedToken token = take_packed_token(item);
  skip(item, token);
  return name_of(token.kind);
}

/// What an item is, for a message: "[integer, string, array]".
std::string shape_of(std::string_view item) {
  const PackedToken token = take_packed_token(item);
  if (!token.is_container()) return std::string(name_of(token.kind));
  const bool is_map = token.kind == PackedKind::map;
  std::string shape = is_map ? "{" : "[";
  for (std::uint64_t i = 0; i < token.number; ++i) {
    if (i > 0) shape += ", ";
    if (i == most_shown) {
      shape += "and " + std::to_string(token.number - i) + " more";
      break;
    }
    shape += take_name(item);
    if (is_map) shape.append(": ").append(take_name(item));
  }
  return shape += is_map ? "}" : "]";
}

}  // namespace

PackedItems::PackedItems(const Store& store, std::string_view key, const PackedLimits& limits)
    : store_(&store), key_(key), limits_(limits), size_(store.size(key).value_or(0)) {
  check_packed_limits(limits);
}

PackedItems::PackedItems(std::string_view value, std::string_view key, const PackedLimits& limits)
    : key_(key), limits_(limits), size_(value.size()), given_(value) {
  check_packed_limits(limits);
}

std::string_view PackedItems::next() {
  const std::uint64_t offset = begin_ + at_;
  const std::uint64_t left = size_ - offset;
  if (left == 0) return {};
  while (true) {
    const PackedScan scan = scan_packed(window().substr(at_), left, limits_);
    if (scan.result == Result::whole) {
      const std::string_view item = window().substr(at_, static_cast<std::size_t>(scan.size));
      at_ += item.size();
      ++number_;
      objects_ = scan.objects;
      return item;
    }
    if (scan.result != Result::cut) {
      const std::string message = "cannot read item " + std::to_string(number_ + 1) + " of key " + quoted(key_) + ": " +
                                  packed_problem(scan, offset, left, limits_);
      if (scan.result > Result::unfinished) throw TooLargeError(message);
      throw CorruptionError(message);
    }
    fill(scan.size);
  }
}

/// Brings the item at the front into the window up to `needed` bytes, and further: twice as much as before, so that an
/// item whose size shows little by little is not looked at too often.
void PackedItems::fill(std::uint64_t needed) {
  read_.erase(0, at_);
  begin_ += at_;
  at_ = 0;
  const std::uint64_t wanted =
      std::min(size_ - begin_, std::max({needed, window_bytes, 2 * std::uint64_t{read_.size()}}));
  const std::string more = store_->get_range(key_, begin_ + read_.size(), wanted - read_.size());
  if (more.size() < wanted - read_.size()) {
    throw Error("cannot read item " + std::to_string(number_ + 1) + " of key " + quoted(key_) +
                ": it was erased while it was read");
  }
  read_.append(more);
}

namespace packed_detail {

void check_item(std::string_view item, std::string_view key, std::uint64_t number, const PackedLimits& limits) {
  const PackedScan scan = scan_packed(item, item.size(), limits);
  if (scan.result == Result::whole && scan.size == item.size()) return;
  const std::string front = "cannot append item " + std::to_string(number) + " to key " + quoted(key) + ": ";
  if (scan.result > Result::unfinished) throw TooLargeError(front + packed_problem(scan, 0, item.size(), limits));
  throw InvalidArgumentError(front + "its type packs " + std::to_string(item.size()) +
                             " bytes that are not one object of MessagePack");
}

void throw_packing_error(std::string_view key, std::uint64_t number, std::string_view type, Cause cause,
                         std::string_view what) {
  const std::string message = "cannot append item " + std::to_string(number) + " to key " + quoted(key) + ": a " +
                              std::string(type) + " cannot be packed: " + escape(what);
  if (cause == Cause::memory) throw TooLargeError(message);
  throw InvalidArgumentError(message);
}

void throw_unpacking_error(const PackedItems& items, std::string_view bytes, std::string_view type, Cause cause) {
  const std::string front = "cannot read item " + std::to_string(items.number()) + " of key " + quoted(items.key());
  if (cause == Cause::memory) throw TooLargeError(front + ": it does not fit into memory");
  throw TypeMismatchError(front + " as " + std::string(type) + ": it is " + shape_of(bytes));
}

bool timestamp_fits(std::string_view body) noexcept {
  constexpr std::int64_t most_seconds = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;
  const auto number = [](std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  };
  if (body.size() == 8) return (number(body) & 0x3FFFFFFFF) <= std::uint64_t{most_seconds};
  if (body.size() != 12) return true;
  const auto seconds = static_cast<std::int64_t>(number(body.substr(4)));
  return number(body.substr(0, 4)) < 1'000'000'000 && seconds >= -most_seconds && seconds <= most_seconds;
}

}  // namespace packed_detail
}  // namespace accrete
