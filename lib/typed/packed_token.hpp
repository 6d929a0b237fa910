// The heads of MessagePack's objects: what stands before their bytes or elements.
#pragma once

#include <accrete/packed_forms.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accrete {
namespace packed_forms {

constexpr std::array<PackedForm, 256> make_table() {
  std::array<PackedForm, 256> table{};
  for (std::size_t first = 0; first < 256; ++first) table[first] = packed_form(static_cast<unsigned char>(first));
  return table;
}

inline constexpr std::array<PackedForm, 256> table = make_table();

/// How many bytes an object has that neither bytes nor objects follow; 0 for others.
constexpr std::array<std::uint8_t, 256> make_plain_sizes() {
  std::array<std::uint8_t, 256> sizes{};
  for (std::size_t first = 0; first < 256; ++first) {
    const PackedForm form = table[first];
    if (form.kind < PackedKind::string) sizes[first] = static_cast<std::uint8_t>(1 + form.number_bytes);
  }
  return sizes;
}

inline constexpr std::array<std::uint8_t, 256> plain_sizes = make_plain_sizes();

}  // namespace packed_forms

/// The first byte and the number after it.
struct PackedToken {
  PackedKind kind = PackedKind::invalid;
  std::size_t head_bytes = 0;
  /// An integer's or a float's bits; 1 for true; how many bytes of a string, elements of an array or pairs of a map.
  std::uint64_t number = 0;

  [[nodiscard]] bool has_body() const noexcept { return kind >= PackedKind::string && kind <= PackedKind::extension; }
  [[nodiscard]] bool is_container() const noexcept { return kind == PackedKind::array || kind == PackedKind::map; }
  /// An extension's begins with its type.
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return number + (kind == PackedKind::extension ? 1 : 0); }
  [[nodiscard]] std::uint64_t objects_inside() const noexcept { return kind == PackedKind::map ? 2 * number : number; }
};

/// In big-endian order, as MessagePack has all of its numbers. Of up to 8 bytes.
[[nodiscard]] std::uint64_t load_packed_number(std::string_view bytes) noexcept;

/// The head at the front of `bytes`; nullopt if it is cut.
[[nodiscard]] std::optional<PackedToken> read_packed_token(std::string_view bytes) noexcept;

/// Takes the head off the front of an item that is known to be whole.
[[nodiscard]] PackedToken take_packed_token(std::string_view& item);

/// Takes the bytes that follow the head of a string, binary or extension.
[[nodiscard]] std::string_view take_packed_body(std::string_view& item, const PackedToken& token);

/// Takes the whole object at the front.
[[nodiscard]] std::string_view take_packed_object(std::string_view& item);

/// A number of a float token.
[[nodiscard]] float packed_float32(const PackedToken& token) noexcept;
[[nodiscard]] double packed_float64(const PackedToken& token) noexcept;

/// Append to `out` what MessagePack has for them, in its shortest form.
void pack_nil(std::string& out);
void pack_boolean(std::string& out, bool value);
void pack_unsigned(std::string& out, std::uint64_t value);
void pack_signed(std::string& out, std::int64_t value);
void pack_float64(std::string& out, double value);
/// Throw TooLargeError for 4 GiB and more.
void pack_string(std::string& out, std::string_view utf8);
void pack_binary(std::string& out, std::string_view bytes);
/// The elements, or a key and a value for each pair, follow. Throw TooLargeError for 2^32 and more.
void pack_array_head(std::string& out, std::uint64_t elements);
void pack_map_head(std::string& out, std::uint64_t pairs);

}  // namespace accrete
