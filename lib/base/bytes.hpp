// Integers to and from little-endian bytes. All integers that reach a disk go through here.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace accrete {

template <std::unsigned_integral T>
constexpr T to_little_endian(T value) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    return value;
  } else {
    auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
    std::reverse(bytes.begin(), bytes.end());
    return std::bit_cast<T>(bytes);
  }
}

template <std::unsigned_integral T>
T load_le(std::span<const std::byte, sizeof(T)> from) noexcept {
  T value;
  std::memcpy(&value, from.data(), sizeof value);
  return to_little_endian(value);
}

template <std::unsigned_integral T>
void store_le(std::span<std::byte, sizeof(T)> to, T value) noexcept {
  value = to_little_endian(value);
  std::memcpy(to.data(), &value, sizeof value);
}

template <std::unsigned_integral T>
void append_le(std::string& to, T value) {
  value = to_little_endian(value);
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Reads integers and strings off the front of foreign bytes. A read that the bytes left do not cover makes `ok()`
/// false, for good, and yields zero or nothing.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : left_(bytes) {}

  template <std::unsigned_integral T>
  T integer() noexcept {
    const std::string_view raw = bytes(sizeof(T));
    if (raw.size() != sizeof(T)) return 0;
    T value;
    std::memcpy(&value, raw.data(), sizeof value);
    return to_little_endian(value);
  }

  std::string_view bytes(std::size_t size) noexcept {
    if (size > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return left_.empty(); }
  [[nodiscard]] std::size_t left() const noexcept { return left_.size(); }

 private:
  std::string_view left_;
  bool ok_ = true;
};

inline std::span<const std::byte> as_byte_span(std::string_view bytes) noexcept {
  return std::as_bytes(std::span{bytes.data(), bytes.size()});
}

inline std::string_view as_string_view(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace accrete
