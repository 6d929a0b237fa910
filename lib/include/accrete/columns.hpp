// Columns: for each key a table of named columns of numbers, which grows by rows and is read a column at a time.
#pragma once

#include <accrete/export.hpp>
#include <accrete/numeric.hpp>
#include <accrete/store.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace accrete {

/// Numbers to be appended to one column. Borrowed for the call.
struct Column {
  std::string_view name;
  NumberType type{};
  std::string_view bytes;                      ///< the numbers as they lie in memory, none of them in part
  std::shared_ptr<const std::string> owned{};  ///< keeps `bytes` where nothing else does
};

/// Of a vector, an array, a span, …
template <std::ranges::contiguous_range Range>
requires Number<std::ranges::range_value_t<Range>>
[[nodiscard]] Column column(std::string_view name, const Range& numbers) {
  using T = std::ranges::range_value_t<Range>;
  const std::span<const T> span(numbers);
  return {.name = name, .type = number_type<T>(), .bytes = detail::bytes_of(span)};
}

/// A copy, for a vector<bool> holds no bools.
[[nodiscard]] ACCRETE_API Column column(std::string_view name, const std::vector<bool>& numbers);

struct ColumnType {
  std::string name;
  NumberType type{};

  friend bool operator==(const ColumnType&, const ColumnType&) = default;
};

/// Where the numbers of a column are to go that was asked for as `columns[index]`: memory for at least `max_rows` of
/// them.
using ColumnRoom = std::function<std::span<std::byte>(std::size_t index, NumberType type, std::size_t max_rows)>;

namespace detail {

/// How many rows were read of a column.
struct ColumnRows {
  std::string_view name;
  std::size_t rows = 0;
};

}  // namespace detail

/// A table for each key, over any store. Each append adds rows, to all columns or to none.
///
/// A key has the columns of its first append, up to 64, whose names have 1 to 63 letters, digits and underscores. An
/// append of other columns, or of other types, is TypeMismatchError and stores nothing; the order makes no difference.
/// This holds among threads and processes as for Numeric; an object that has appended to a key must not append to it
/// again after somebody else has erased it.
///
/// In the store, column `c` of key `k` is the value of the key `k` NUL `c`, which Numeric reads and writes; no two
/// columns share one, since no column's name has a NUL. The value of `k` NUL holds the names and types: a piece of a
/// struct with the columns as fields, and without elements. One with an element after it says that an erase has begun.
/// A program that uses the store for other keys, too, keeps to keys without NUL. So a key may have 960 bytes, and more
/// if its columns' names are shorter than 63.
///
/// Who reads beside a writer sees each append in whole or not at all. Between two calls rows may be added; a get of
/// several columns is of one moment.
///
/// Any number of threads may call any of its functions at once. An error changes nothing, but where a function says
/// otherwise; and a first append that fails may leave a key with its columns and no rows.
class ACCRETE_API Columns {
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

  /// One column; empty for a missing key. Throws InvalidArgumentError if the key has other columns, but not this one.
  /// Otherwise as Numeric::get.
  template <Number T>
  [[nodiscard]] std::vector<T> get(std::string_view key, std::string_view column) const {
    std::vector<T> numbers = detail::get_elements<T>(store(), column_key(key, column));
    check_rows(key, {{column, numbers.size()}});
    return numbers;
  }

  /// Several columns as they were at one moment, with as many rows each. Otherwise as of one column.
  ///
  ///   const auto [delays, distances] = events.get<float, std::int32_t>("SEA", {"delay", "distance"});
  template <Number First, Number Second, Number... More>
  [[nodiscard]] std::tuple<std::vector<First>, std::vector<Second>, std::vector<More>...> get(
      std::string_view key, const std::array<std::string_view, 2 + sizeof...(More)>& columns) const {
    std::vector<std::string> values = get_values(key, columns);
    std::size_t i = 0;
    const auto take = [&]<typename T>(std::vector<T>& numbers) {
      numbers = detail::elements_of<T>(std::move(values[i]), column_key(key, columns[i]));
      ++i;
    };
    std::tuple<std::vector<First>, std::vector<Second>, std::vector<More>...> all;
    std::apply([&](auto&... numbers) { (take(numbers), ...); }, all);
    i = 0;
    std::apply([&](const auto&... numbers) { check_rows(key, {{columns[i++], numbers.size()}...}); }, all);
    return all;
  }

  /// Several columns as they were at one moment, where their types are not known before: asks `room` for the memory of
  /// each, copies the numbers there as they lie in memory, and returns how many rows there are, which may be fewer than
  /// were asked for; of a missing key 0, and `room` is not called. Throws as `get` does, InvalidArgumentError if there
  /// is too little room, and what `room` throws. After an error, what the rooms hold is unspecified.
  std::size_t get_into(std::string_view key, std::span<const std::string_view> columns, const ColumnRoom& room) const;

  /// A column of any size within little memory. Throws as `get` does.
  template <Number T>
  [[nodiscard]] NumericPieces<T> pieces(std::string_view key, std::string_view column) const {
    check_rows(key, {{column, 0}});
    return {store(), column_key(key, column)};
  }

  /// Of all tables whose keys begin with `prefix`, in byte order. Costs what Store::list does.
  [[nodiscard]] std::vector<std::string> keys(std::string_view prefix = {}) const;

  /// In the order of the first append; none for a missing key.
  [[nodiscard]] std::vector<ColumnType> columns(std::string_view key) const;

  /// nullopt for a missing key.
  [[nodiscard]] std::optional<std::uint64_t> rows(std::string_view key) const;

  /// Removes a key with all its columns, one after the other: nobody may append to it or read it meanwhile. After an
  /// error some may be gone; who appends or asks for `columns` then gets ErasedError, until it is called again. A key
  /// whose names and types are damaged is removed, too.
  void erase(std::string_view key);

  /// The key of the store that holds a column.
  [[nodiscard]] static std::string column_key(std::string_view key, std::string_view column);

 private:
  /// Throws InvalidArgumentError if one without rows is no column of a key that there is, and ErasedError or
  /// CorruptionError if not all have as many.
  void check_rows(std::string_view key, std::span<const detail::ColumnRows> read) const;
  void check_rows(std::string_view key, std::initializer_list<detail::ColumnRows> read) const {
    check_rows(key, std::span(read.begin(), read.size()));
  }
  [[nodiscard]] std::vector<std::string> get_values(std::string_view key,
                                                    std::span<const std::string_view> columns) const;

  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accrete
