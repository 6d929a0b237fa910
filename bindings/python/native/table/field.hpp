// What a column is, and the column itself: Arrow's arrays in memory. A table is a struct of columns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace accrete::python {

/// How the buffers of an array lie.
enum class Layout : std::uint8_t {
  null,          ///< no buffer
  bits,          ///< validity, bits
  fixed,         ///< validity, elements of `width` bytes
  binary,        ///< validity, 32-bit offsets, bytes
  large_binary,  ///< validity, 64-bit offsets, bytes
  binary_view,   ///< validity, views of 16 bytes, buffers of bytes; taken, but never stored
  list,          ///< validity, 32-bit offsets; a child
  large_list,    ///< validity, 64-bit offsets; a child
  fixed_list,    ///< validity; a child with `width` elements for each
  structure,     ///< validity; children
};

/// How wide the offsets of strings and lists are stored.
enum class StoredOffsets : std::uint8_t {
  as_given,  ///< those of views: 64 bits
  small,     ///< 32 bits
  large,     ///< 64 bits
};

using Metadata = std::vector<std::pair<std::string, std::string>>;

struct Field {
  std::string name;
  std::string format;  ///< as the C data interface has it; of a dictionary's indexes, where there is one
  bool is_nullable = true;
  bool is_ordered = false;       ///< of a dictionary
  bool has_sorted_keys = false;  ///< of a map
  Metadata metadata{};
  std::vector<Field> children{};
  std::shared_ptr<const Field> dictionary{};
  std::int64_t dictionary_id = 0;  ///< in its stream
  StoredOffsets stored_offsets = StoredOffsets::as_given;
  Layout layout = Layout::null;
  std::size_t width = 0;  ///< bytes of an element, or elements of a fixed_list
};

/// Throws UnsupportedError for a format that tables cannot hold.
void set_format(Field& field, std::string_view format);

/// As it is stored: with offsets as wide as it says, and dictionaries have ids.
[[nodiscard]] Field stored_form(const Field& field);

/// Has strings and lists in `given` stored with offsets as wide as those of `stored`, which it is to be like: libraries
/// differ in these alone.
void fit_offsets(Field& given, const Field& stored);

/// The value that a field's metadata have for a key; empty if none.
[[nodiscard]] std::string_view metadata_of(const Field& field, std::string_view key) noexcept;

/// In the metadata of a column each of whose values is a pickle.
inline constexpr std::string_view pickle_key = "accrete.pickle";

/// In the metadata of a column of objects that are all null: they may be strings as well as bytes.
inline constexpr std::string_view nulls_key = "accrete.nulls";

/// Whether it is one, or has one in it.
[[nodiscard]] bool holds_a_dictionary(const Field& field);

/// Whether a column that has been nulls alone so far is one of strings or bytes from now on, and this one says which.
[[nodiscard]] bool decides(const Field& given, const Field& stored) noexcept;

/// What differs, in words; empty if both hold the same columns. Nullability and the width of a dictionary's indexes do
/// not count, and of the metadata only what makes another type of it: pickles, sparse columns and Arrow's extensions.
[[nodiscard]] std::string difference(const Field& stored, const Field& given);

/// How many buffers an array has.
[[nodiscard]] std::size_t buffers_of(Layout layout) noexcept;
[[nodiscard]] std::size_t offset_size(Layout layout) noexcept;
[[nodiscard]] std::size_t stored_offset_size(const Field& field) noexcept;

/// Memory that whoever holds it keeps alive; a pointer without an owner is borrowed.
using Memory = std::shared_ptr<const std::byte>;

struct Array {
  std::int64_t length = 0;
  std::int64_t offset = 0;  ///< of the first element, in elements
  std::int64_t null_count = 0;
  std::array<Memory, 3> buffers{};        ///< validity (null: no element is null); values or offsets; bytes
  std::vector<const std::byte*> views{};  ///< of a binary_view: the buffers of bytes
  std::vector<Array> children{};
  std::shared_ptr<const Array> dictionary{};
  char index_format = 0;  ///< where there is a dictionary: each piece may have its own

  [[nodiscard]] const std::byte* validity() const noexcept { return buffers[0].get(); }
  [[nodiscard]] const std::byte* values() const noexcept { return buffers[1].get(); }
  [[nodiscard]] const std::byte* bytes() const noexcept { return buffers[2].get(); }
};

struct Column {
  Field field;
  Array array;
};

[[nodiscard]] inline bool bit_at(const std::byte* bits, std::uint64_t index) noexcept {
  return (std::to_integer<unsigned>(bits[index >> 3U]) >> (index & 7U) & 1U) != 0;
}

[[nodiscard]] inline bool is_null(const Array& array, std::uint64_t row) noexcept {
  return array.validity() && !bit_at(array.validity(), static_cast<std::uint64_t>(array.offset) + row);
}

/// Of one element of binary, large_binary or binary_view, or of fixed width.
[[nodiscard]] std::string_view bytes_at(const Field& field, const Array& array, std::uint64_t row) noexcept;

/// Appends bytes that equal values have, and no others of the same type. Not for what holds a dictionary.
void append_value(std::string& to, const Field& field, const Array& array, std::uint64_t row);

/// Uninitialized, for vectors of machine words to read.
[[nodiscard]] std::shared_ptr<std::byte> allocate(std::size_t size);

/// An element of a buffer, which need not be aligned.
template <typename T>
[[nodiscard]] T load(const std::byte* from, std::size_t index) noexcept {
  T value;
  std::memcpy(&value, from + index * sizeof(T), sizeof value);
  return value;
}

}  // namespace accrete::python
