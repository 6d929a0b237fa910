// What Packed<T> packs items into. Part of accrete/packed.hpp; not to be included directly.
#pragma once

#include <accrete/packed_detail.hpp>
#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <msgpack.hpp>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace accrete::packed_detail {

/// The bits in big-endian order, as MessagePack has them.
inline std::uint32_t big_endian(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::endian::native == std::endian::little ? __builtin_bswap32(bits) : bits;
}
inline std::uint64_t big_endian(double value) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return std::endian::native == std::endian::little ? __builtin_bswap64(bits) : bits;
}

/// Items as bytes, in memory that the next append of this thread uses again, unless it is much.
class Packer {
 public:
  explicit Packer(const PackedLimits& limits) : limits_(limits), memory_(std::move(spare())), at_(memory_.data()) {}
  ~Packer() {
    if (memory_.size() <= most_kept_bytes) spare() = std::move(memory_);
  }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  /// The items that follow are for `key`, which is borrowed.
  void begin_entry(std::string_view key) noexcept {
    key_ = key;
    number_ = 0;
  }

  /// Throws unless `item` becomes one object within the limits: TooLargeError, InvalidArgumentError, or what T's
  /// adaptor throws. Flattened, as numbers would else go through memory twice: a tenth of the time of a put.
  template <typename T>
  [[gnu::flatten]] void add(const T& item) {
    ++number_;
    item_begin_ = size();
    msgpack::pack(*this, item);
    if (std::is_arithmetic_v<T> && limits_.item_bytes >= most_number_bytes) return;
    check_item(bytes().substr(item_begin_), key_, number_, limits_);
  }

  /// Of the item that was added last, or begun: how many there were of its entry.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  [[nodiscard]] std::string_view bytes() const noexcept { return {memory_.data(), size()}; }

  /// For msgpack-cxx, which calls it for each number, and for each head and body of a string.
  void write(const char* bytes, std::size_t size) {
    if (size == 0) return;
    if (size > room()) make_room(size);
    std::memcpy(at_, bytes, size);
    at_ += size;
  }

  template <std::floating_point Float>
  void write_float(char first, Float value) {
    if (1 + sizeof value > room()) make_room(1 + sizeof value);
    const auto bits = big_endian(value);
    *at_ = first;
    std::memcpy(at_ + 1, &bits, sizeof bits);
    at_ += 1 + sizeof bits;
  }

 private:
  static constexpr std::size_t most_kept_bytes = std::size_t{1} << 20;
  static constexpr std::size_t most_number_bytes = 9;

  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - memory_.data()); }
  [[nodiscard]] std::size_t room() const noexcept { return memory_.size() - size(); }

  /// Throws TooLargeError where that much is more than an item may have.
  [[gnu::noinline]] void make_room(std::size_t more) {
    const std::size_t used = size();
    const std::uint64_t item_bytes = used - item_begin_ + more;
    if (item_bytes > limits_.item_bytes) throw_too_large(key_, number_, item_bytes, limits_);
    memory_.resize(std::max(used + more, 2 * memory_.size()));
    at_ = memory_.data() + used;
  }

  static std::vector<char>& spare() {
    static thread_local std::vector<char> memory;
    return memory;
  }

  const PackedLimits& limits_;
  std::vector<char> memory_;
  char* at_;  // behind what is packed so far
  std::string_view key_;
  std::uint64_t number_ = 0;
  std::size_t item_begin_ = 0;
};

}  // namespace accrete::packed_detail

// msgpack-cxx itself packs floats that are whole as integers, and so -0.0 as 0.
template <>
inline msgpack::packer<accrete::packed_detail::Packer>& msgpack::packer<accrete::packed_detail::Packer>::pack_float(
    float value) {
  m_stream.write_float('\xCA', value);
  return *this;
}

template <>
inline msgpack::packer<accrete::packed_detail::Packer>& msgpack::packer<accrete::packed_detail::Packer>::pack_double(
    double value) {
  m_stream.write_float('\xCB', value);
  return *this;
}
