// What Packed<T> reads items from: msgpack-cxx's objects. Part of accrete/packed.hpp; not to be included directly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <msgpack.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace accrete::packed_detail {

/// The objects of one item, in memory that the next item uses again. Strings stay where the item is.
class Objects : public msgpack::null_visitor {
 public:
  /// `item` consists of `count` objects.
  const msgpack::object& read(std::string_view item, std::uint64_t count) {
    make_room(static_cast<std::size_t>(count));
    next_ = objects_.data();
    open_.assign(1, next_++);
    std::size_t offset = 0;
    msgpack::parse(item.data(), item.size(), offset, *this);
    return objects_.front();
  }

  bool visit_nil() {
    here().type = msgpack::type::NIL;
    return true;
  }
  bool visit_boolean(bool value) {
    here().type = msgpack::type::BOOLEAN;
    here().via.boolean = value;
    return true;
  }
  bool visit_positive_integer(std::uint64_t value) {
    here().type = msgpack::type::POSITIVE_INTEGER;
    here().via.u64 = value;
    return true;
  }
  bool visit_negative_integer(std::int64_t value) {
    if (value >= 0) return visit_positive_integer(static_cast<std::uint64_t>(value));
    here().type = msgpack::type::NEGATIVE_INTEGER;
    here().via.i64 = value;
    return true;
  }
  bool visit_float32(float value) {
    here().type = msgpack::type::FLOAT32;
    here().via.f64 = static_cast<double>(value);
    return true;
  }
  bool visit_float64(double value) {
    here().type = msgpack::type::FLOAT64;
    here().via.f64 = value;
    return true;
  }
  bool visit_str(const char* bytes, std::uint32_t size) {
    here().type = msgpack::type::STR;
    here().via.str = {size, bytes ? bytes : ""};
    return true;
  }
  bool visit_bin(const char* bytes, std::uint32_t size) {
    here().type = msgpack::type::BIN;
    here().via.bin = {size, bytes ? bytes : ""};
    return true;
  }
  /// `bytes` begin with the type, and `size` counts it.
  bool visit_ext(const char* bytes, std::uint32_t size) {
    here().type = msgpack::type::EXT;
    here().via.ext.ptr = bytes;
    here().via.ext.size = size - 1;
    return true;
  }
  bool start_array(std::uint32_t size) {
    here().type = msgpack::type::ARRAY;
    here().via.array = {size, take(size)};
    open_.push_back(here().via.array.ptr);
    return true;
  }
  bool start_map(std::uint32_t size) {
    msgpack::object* const inside = take(2 * std::size_t{size});
    here().type = msgpack::type::MAP;
    here().via.map = {size, reinterpret_cast<msgpack::object_kv*>(inside)};  // a pair of objects
    open_.push_back(inside);
    return true;
  }
  bool end_array_item() { return step(); }
  bool end_map_key() { return step(); }
  bool end_map_value() { return step(); }
  bool end_array() { return close(); }
  bool end_map() { return close(); }

 private:
  void make_room(std::size_t count) {
    if (objects_.size() >= count) return;
    std::vector<msgpack::object>().swap(objects_);  // first, as the new ones may take much memory
    objects_.resize(count);
  }

  msgpack::object& here() noexcept { return *open_.back(); }
  bool step() noexcept {
    ++open_.back();
    return true;
  }
  bool close() noexcept {
    open_.pop_back();
    return true;
  }
  msgpack::object* take(std::size_t count) noexcept { return std::exchange(next_, next_ + count); }

  std::vector<msgpack::object> objects_;
  msgpack::object* next_ = nullptr;
  std::vector<msgpack::object*> open_;  // the next element of each array and map that is open
};

}  // namespace accrete::packed_detail
