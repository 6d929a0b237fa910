// Fuzzes what finds the items of MessagePack, reads their heads and makes objects of them: over pieces of a value it
// finds what it finds over the whole, and what it lets pass is read to its end.
#include <accrete/accrete.hpp>
#include <accrete/packed_items.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "support/require.hpp"
#include "typed/packed_scan.hpp"
#include "typed/packed_token.hpp"
#ifdef WITH_MSGPACK
#include <accrete/packed.hpp>
#include <chrono>
#include <map>
#include <tuple>
#endif

namespace {

using namespace accrete;

void pass_object(std::string_view& item, std::uint64_t& objects) {
  const PackedToken token = take_packed_token(item);
  ++objects;
  if (token.has_body()) static_cast<void>(take_packed_body(item, token));
  if (!token.is_container()) return;
  for (std::uint64_t inside = token.objects_inside(); inside > 0; --inside) pass_object(item, objects);
}

/// A part of an item is cut, and says that it goes on for no longer than it does.
void check_cuts(std::string_view item, std::uint64_t left, const PackedLimits& limits) {
  for (std::size_t size = 0; size < item.size(); size += 1 + size / 8) {
    const PackedScan scan = scan_packed(item.substr(0, size), left, limits);
    test::require(scan.result == PackedScan::Result::cut, "a part of an item is cut");
    test::require(scan.size > size && scan.size <= item.size(), "a cut item needs more, and not too much");
  }
}

void check_items(std::string_view value, const PackedLimits& limits) {
  PackedItems items(value, "k", limits);
  std::size_t at = 0;
  try {
    for (std::string_view item; !(item = items.next()).empty(); at += item.size()) {
      check_cuts(item, value.size() - at, limits);
      std::uint64_t objects = 0;
      std::string_view rest = item;
      pass_object(rest, objects);
      test::require(rest.empty() && objects == items.objects(), "an item is read to its end");
    }
    test::require(at == value.size(), "the items are the value");
  } catch (const CorruptionError&) {
  } catch (const TooLargeError&) {
  }
}

#ifdef WITH_MSGPACK

struct Row {
  int id = 0;
  std::string name;
  std::map<std::string, std::vector<std::chrono::system_clock::time_point>> times;
  std::vector<Row> rows;
  MSGPACK_DEFINE(id, name, times, rows)
};

template <typename T>
void read_as(Store& store) {
  const Packed<T> packed{store};
  try {
    static_cast<void>(packed.get("k"));
  } catch (const CorruptionError&) {
  } catch (const TooLargeError&) {
  } catch (const TypeMismatchError&) {
  }
}

void check_types(std::string_view value) {
  const auto store = memory_store();
  store->append("k", value);
  read_as<Row>(*store);
  read_as<msgpack::type::variant>(*store);
  read_as<std::tuple<int, std::chrono::system_clock::time_point, std::array<int, 2>>>(*store);
  read_as<std::map<int, msgpack::type::tuple<std::string>>>(*store);
}

#else

void check_types(std::string_view) {}

#endif

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  check_items(value, {});
  check_items(value, {.depth = 3, .elements = 5, .string_bytes = 8, .item_bytes = 20});
  check_types(value);
  return 0;
}
