// Columns: for each key a table of named columns of numbers, which grows by rows and is read a column at a time.
#pragma once

#include <accrete/numeric.hpp>
#include <accrete/store.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

/// Numbers to be appended to one column. Borrowed for the call.
struct Column {
  std::string_view name;
  NumberType type{};
  std::string_view bytes;  ///< the numbers as they lie in memory, none of them in part
};

/// Of a vector, an array, a span, …
template <std::ranges::contiguous_range Range>
requires Number<std::ranges::range_value_t<Range>>
[[nodiscard]] Column column(std::string_view name, const Range& numbers) {
  using T = std::ranges::range_value_t<Range>;
  const std::span<const T> span(numbers);
  return {.name = name, .type = number_type<T>(), .bytes = detail::bytes_of(span)};
}

struct ColumnType {
  std::string name;
  NumberType type{};

  friend bool operator==(const ColumnType&, const ColumnType&) = default;
};

/// A table for each key, over any store. Each append adds rows, to all columns or to none.
///
/// A key has the columns of its first append, up to 64, whose names have 1 to 63 letters, digits and underscores. An
/// append of other columns, or of other types, is TypeMismatchError and stores nothing; the order makes no difference.
/// This holds among threads and processes as for Numeric; an object that has appended to a key must not append to it
/// again after somebody else has erased it.
///
/// In the store, column `c` of key `k` is the value of the key `k` NUL `c`, which Numeric reads and writes; no two
/// columns share one, since no column's name has a NUL. The value of `k` NUL holds the names and types: a piece of a
/// struct with the columns as fields, and without elements. A program that uses the store for other keys, too, keeps to
/// keys without NUL. So a key may have 960 bytes, and more if its columns' names are shorter than 63.
///
/// Any number of threads may call any of its functions at once. An error changes nothing; but a first append that fails
/// may leave a key with its columns and no rows.
class Columns {
 public:
  explicit Columns(std::unique_ptr<Store> store);
  /// The store must outlive this object.
  explicit Columns(Store& store);
  Columns(Columns&&) noexcept;
  Columns& operator=(Columns&&) noexcept;
  ~Columns();

  [[nodiscard]] Store& store() const noexcept;

  /// Throws InvalidArgumentError unless all columns have as many numbers, whole ones of a type that there is, and names
  /// of their own. There is no `expect_size`.
  void append(std::string_view key, std::span<const Column> columns, const AppendOptions& options = {});
  void append(std::string_view key, std::initializer_list<Column> columns, const AppendOptions& options = {}) {
    append(key, std::span<const Column>(columns.begin(), columns.size()), options);
  }

  /// One column; empty for a missing key or column. Rows that are appended between two calls are at the end of what
  /// the second returns. Otherwise as Numeric::get.
  template <Number T>
  [[nodiscard]] std::vector<T> get(std::string_view key, std::string_view column) const {
    std::vector<T> numbers;
    detail::read_within_memory(key, [&] { numbers = pieces<T>(key, column).rest(); });
    return numbers;
  }

  /// A column of any size within little memory.
  template <Number T>
  [[nodiscard]] NumericPieces<T> pieces(std::string_view key, std::string_view column) const {
    return {store(), column_key(key, column)};
  }

  /// In the order of the first append; none for a missing key.
  [[nodiscard]] std::vector<ColumnType> columns(std::string_view key) const;

  /// nullopt for a missing key.
  [[nodiscard]] std::optional<std::uint64_t> rows(std::string_view key) const;

  /// Removes a key with all its columns, one after the other: nobody may append to it or read it meanwhile. One that
  /// was interrupted is completed by calling it again.
  void erase(std::string_view key);

  /// The key of the store that holds a column.
  [[nodiscard]] static std::string column_key(std::string_view key, std::string_view column);

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace accrete
