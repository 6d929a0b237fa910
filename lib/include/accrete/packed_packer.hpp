// What Packed<T> packs items into. Part of accrete/packed.hpp; not to be included directly.
#pragma once

#include <accrete/packed_detail.hpp>
#include <accrete/packed_outline.hpp>
#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <msgpack.hpp>
#include <span>
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
  class Stream;

  explicit Packer(const PackedLimits& limits)
      : limits_(limits),
        sure_bytes_(std::min({limits.elements, limits.string_bytes, limits.item_bytes, limits.objects})),
        memory_(std::move(spare())) {}
  ~Packer() {
    if (memory_.size() <= max_kept_bytes) spare() = std::move(memory_);
  }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  /// The items that follow are for `key`, which is borrowed.
  void begin_entry(std::string_view key) noexcept {
    key_ = key;
    number_ = 0;
  }

  /// Throws unless each becomes one object within the limits: TooLargeError, InvalidArgumentError, or what T's
  /// adaptor throws. Flattened, so that the stream is in registers and what is known of T needs no check.
  template <typename T>
  [[gnu::flatten]] void add(std::span<const T> items);

  /// Of the item that was added last, or begun: how many there were of its entry.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  [[nodiscard]] std::string_view bytes() const noexcept { return {memory_.data(), size_}; }

 private:
  static constexpr std::size_t max_kept_bytes = std::size_t{1} << 20;
  static constexpr std::size_t max_number_bytes = 9;

  /// Where an item is packed.
  struct Place {
    char* begin;
    char* at;
    char* end;  ///< of the memory

    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(at - begin); }
    [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(end - at); }
  };

  /// Of an item that has `size` bytes so far.
  [[nodiscard]] Place place_of(std::size_t begin, std::size_t size) noexcept {
    return {memory_.data() + begin, memory_.data() + begin + size, memory_.data() + memory_.size()};
  }

  /// Throws TooLargeError where that much is more than the item may have. Does not see the stream, whose address would
  /// keep it out of registers.
  [[gnu::noinline]] Place make_room(Place place, std::size_t more, std::uint64_t number) {
    const std::uint64_t item_bytes = place.size() + more;
    if (item_bytes > limits_.item_bytes) throw_too_large(key_, number, item_bytes, limits_);
    const auto begin = static_cast<std::size_t>(place.begin - memory_.data());
    memory_.resize(std::max(begin + place.size() + more, 2 * memory_.size()));
    return place_of(begin, place.size());
  }

  static std::vector<char>& spare() {
    static thread_local std::vector<char> memory;
    return memory;
  }

  const PackedLimits& limits_;
  std::uint64_t sure_bytes_;  // an item without more is within all limits, but for depth
  std::vector<char> memory_;
  std::size_t size_ = 0;
  std::string_view key_;
  std::uint64_t number_ = 0;
};

/// What msgpack-cxx writes to. It takes the packer's bytes over, and gives them back in the end.
class Packer::Stream {
 public:
  explicit Stream(Packer& packer) noexcept
      : packer_(packer), place_(packer.place_of(packer.size_, 0)), number_(packer.number_) {}
  ~Stream() {
    packer_.size_ = static_cast<std::size_t>(place_.at - packer_.memory_.data());
    packer_.number_ = number_;
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void begin_item() noexcept {
    ++number_;
    place_.begin = place_.at;
    outline_ = {};
  }

  void end_item() const {
    const std::size_t size = place_.size();
    if (outline_.is_whole() && outline_.containers() <= packer_.limits_.depth && size <= packer_.sure_bytes_) return;
    check_item({place_.begin, size}, packer_.key_, number_, packer_.limits_);
  }

  /// A head, or a body.
  void write(const char* bytes, std::size_t size) {
    if (size == 0) return;
    make_room(size);
    std::memcpy(place_.at, bytes, size);
    add(size);
  }

  template <std::floating_point Float>
  void write_float(char first, Float value) {
    const auto bits = big_endian(value);
    make_room(1 + sizeof bits);
    *place_.at = first;
    std::memcpy(place_.at + 1, &bits, sizeof bits);
    add(1 + sizeof bits);
  }

 private:
  void make_room(std::size_t size) {
    if (size > place_.room()) place_ = packer_.make_room(place_, size, number_);
  }

  void add(std::size_t size) noexcept {
    outline_.add(place_.at, size);
    place_.at += size;
  }

  Packer& packer_;
  Place place_;
  std::uint64_t number_;
  Outline outline_;
};

template <typename T>
void Packer::add(std::span<const T> items) {
  const bool are_sure = std::is_arithmetic_v<T> && limits_.item_bytes >= max_number_bytes;
  Stream stream(*this);
  for (const T& item : items) {
    stream.begin_item();
    msgpack::pack(stream, item);
    if (!are_sure) stream.end_item();
  }
}

}  // namespace accrete::packed_detail

// msgpack-cxx itself packs floats that are whole as integers, and so -0.0 as 0.
template <>
inline msgpack::packer<accrete::packed_detail::Packer::Stream>&
msgpack::packer<accrete::packed_detail::Packer::Stream>::pack_float(float value) {
  m_stream.write_float('\xCA', value);
  return *this;
}

template <>
inline msgpack::packer<accrete::packed_detail::Packer::Stream>&
msgpack::packer<accrete::packed_detail::Packer::Stream>::pack_double(double value) {
  m_stream.write_float('\xCB', value);
  return *this;
}
