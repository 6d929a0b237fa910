#include <accrete/packed_detail.hpp>

#include "base/escape.hpp"
#include "base/within_memory.hpp"
#include "typed/packed_scan.hpp"
#include "typed/packed_token.hpp"

namespace accrete::packed_detail {
namespace {

using Result = PackedScan::Result;

constexpr std::size_t max_shown = 8;  // elements of an item, in a message

std::string_view name_of(PackedKind kind) {
  constexpr std::array<std::string_view, 12> names = {"nil",    "boolean", "integer",   "integer", "float", "float",
                                                      "string", "binary",  "extension", "array",   "map",   "invalid"};
  return names[static_cast<std::size_t>(kind)];
}

/// The name of the object at the front, which is taken off.
std::string_view take_name(std::string_view& item) {
  std::string_view object = take_packed_object(item);
  return name_of(take_packed_token(object).kind);
}

/// What an item is, for a message: "[integer, string, array]".
std::string shape_of(std::string_view item) {
  const PackedToken token = take_packed_token(item);
  if (!token.is_container()) return std::string(name_of(token.kind));
  const bool is_map = token.kind == PackedKind::map;
  std::string shape = is_map ? "{" : "[";
  for (std::uint64_t i = 0; i < token.number; ++i) {
    if (i > 0) shape += ", ";
    if (i == max_shown) {
      shape += "and " + std::to_string(token.number - i) + " more";
      break;
    }
    shape += take_name(item);
    if (is_map) shape.append(": ").append(take_name(item));
  }
  return shape += is_map ? "}" : "]";
}

std::string front_of_append(std::string_view key, std::uint64_t number) {
  return "cannot append item " + std::to_string(number) + " to key " + quoted(key) + ": ";
}

}  // namespace

void throw_too_large(std::string_view key, std::uint64_t number, std::uint64_t bytes, const PackedLimits& limits) {
  const PackedScan scan{.result = Result::too_large, .declared = bytes};
  throw TooLargeError(front_of_append(key, number) + packed_problem(scan, 0, bytes, limits));
}

void check_item(std::string_view item, std::string_view key, std::uint64_t number, const PackedLimits& limits) {
  const PackedScan scan = scan_packed(item, item.size(), limits);
  if (scan.result == Result::whole && scan.size == item.size()) return;
  const std::string front = front_of_append(key, number);
  if (scan.result > Result::unfinished) throw TooLargeError(front + packed_problem(scan, 0, item.size(), limits));
  throw InvalidArgumentError(front + "its type packs " + std::to_string(item.size()) +
                             " bytes that are not one object of MessagePack");
}

void throw_packing_error(std::string_view key, std::uint64_t number, std::string_view type, Cause cause,
                         std::string_view what) {
  const std::string message =
      front_of_append(key, number) + "a " + std::string(type) + " cannot be packed: " + escape(what);
  if (cause == Cause::memory) throw TooLargeError(message);
  throw InvalidArgumentError(message);
}

void throw_unpacking_error(const PackedItems& items, std::string_view bytes, std::string_view type, Cause cause,
                           std::string_view what) {
  const std::string front = "cannot read item " + std::to_string(items.number()) + " of key " + quoted(items.key());
  if (cause == Cause::memory) throw TooLargeError(front + ": it does not fit into memory");
  const std::string reason = what.empty() ? "" : "; " + escape(what);
  throw TypeMismatchError(front + " as " + std::string(type) + ": it is " + shape_of(bytes) + reason);
}

void within_memory(std::string_view action, std::string_view key, const std::function<void()>& work) {
  accrete::within_memory(std::string(action) + " " + quoted(key), work);
}

}  // namespace accrete::packed_detail
