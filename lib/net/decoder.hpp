// Reads what came over the wire: every count and length is a lie until it is checked against the bytes that are left.
#pragma once

#include <accrete/error.hpp>
#include <accrete/store.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/entries.hpp"
#include "net/protocol.hpp"

namespace accrete::wire {

/// The checksum that a message of header_size bytes or more should have.
[[nodiscard]] std::uint64_t checksum_of(std::string_view message) noexcept;

/// True for the number of a type of error.hpp.
[[nodiscard]] bool is_error_type(std::uint8_t number) noexcept;

/// Reads the parts of a message; each throws NetworkError unless it is there and makes sense.
class Decoder {
 public:
  /// `what` stands in errors and must outlive it.
  Decoder(std::string_view what, std::string_view bytes) : what_(what), bytes_(bytes), reader_(bytes) {}

  [[noreturn]] void fail(const std::string& cause) const {
    throw NetworkError("cannot read " + std::string(what_) + ": " + cause +
                       "; the other side does not speak accrete's protocol, or it is broken");
  }

  template <typename T>
  T integer() {
    const T value = reader_.integer<T>();
    check_length();
    return value;
  }
  template <typename... T>
  void integers(T&... to) {
    ((to = integer<T>()), ...);
  }
  std::string_view bytes(std::uint64_t size) {
    if (size > reader_.left()) fail("it ends too early");
    return reader_.bytes(static_cast<std::size_t>(size));
  }
  std::string_view rest() { return reader_.bytes(reader_.left()); }
  std::array<std::byte, 16> id() {
    std::array<std::byte, 16> id{};
    const auto raw = as_byte_span(bytes(id.size()));
    std::copy(raw.begin(), raw.end(), id.begin());
    return id;
  }
  bool flag(std::string_view name) {
    const auto value = integer<std::uint8_t>();
    if (value > 1) fail("its " + std::string(name) + " is " + std::to_string(value) + ", not 0 or 1");
    return value == 1;
  }
  std::string_view name() { return bytes(integer<std::uint16_t>()); }
  std::string_view key() {
    const std::string_view key = name();
    if (key.empty() || key.size() > max_key_size) fail("a key has " + std::to_string(key.size()) + " bytes");
    return key;
  }
  /// A count of things that have at least `min_size` bytes each.
  template <typename T>
  std::size_t count(std::size_t min_size) {
    const T count = integer<T>();
    if (count > reader_.left() / min_size) {
      fail("it says that it holds " + std::to_string(count) + " items, for which it is too short");
    }
    return static_cast<std::size_t>(count);
  }
  /// `encoded`: as they lie in the message.
  std::vector<Entry> entries(std::string_view& encoded) {
    std::vector<Entry> entries;
    encoded = bytes_.substr(bytes_.size() - reader_.left());
    if (!try_decode_entries(reader_, entries)) fail("its entries are cut, or one has no valid key");
    encoded.remove_suffix(reader_.left());
    return entries;
  }
  void end() const {
    if (!reader_.at_end()) fail(std::to_string(reader_.left()) + " bytes follow its end");
  }

  /// Of the header, from the version on; returns the kind.
  std::uint8_t header(std::uint64_t& id) {
    if (integer<std::uint32_t>() != magic) fail("it does not begin with the protocol's mark");
    const auto its_version = integer<std::uint8_t>();
    if (its_version != version) {
      fail("it is of protocol version " + std::to_string(its_version) + " and this program speaks version " +
           std::to_string(version));
    }
    const auto kind = integer<std::uint8_t>();
    const auto reserved = integer<std::uint16_t>();
    const auto checksum = integer<std::uint64_t>();
    id = integer<std::uint64_t>();
    if (checksum != checksum_of(bytes_)) fail("its checksum is not that of its bytes");
    if (reserved != 0) fail("its reserved bytes are not zero");
    return kind;
  }

 private:
  void check_length() const {
    if (!reader_.ok()) fail("it ends too early");
  }

  std::string_view what_;
  std::string_view bytes_;
  ByteReader reader_;
};

}  // namespace accrete::wire
