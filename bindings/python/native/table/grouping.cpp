#include "grouping.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <cstring>
#include <limits>

#include "interner.hpp"
#include "key_elements.hpp"

namespace accrete::python {
namespace {

using Codes = std::vector<std::uint32_t>;

constexpr std::uint32_t null_code = std::numeric_limits<std::uint32_t>::max();

/// Equal values have equal codes, which are as small as possible.
struct CodedColumn {
  Codes codes;       // of each row
  Codes first_rows;  // of each code: a row that has it
};

/// Numbers values and remembers where each was first.
template <typename Value>
class RowCoder {
 public:
  explicit RowCoder(std::size_t rows) { coded_.codes.reserve(rows); }

  void add(Value value) {
    const std::uint32_t code = interner_.number_of(value);
    if (code == coded_.first_rows.size()) coded_.first_rows.push_back(static_cast<std::uint32_t>(coded_.codes.size()));
    coded_.codes.push_back(code);
  }
  void add_null() { coded_.codes.push_back(null_code); }

  CodedColumn take() { return std::move(coded_); }

 private:
  Interner<Value> interner_;
  CodedColumn coded_;
};

bool is_signed(const Field& field) noexcept {
  return std::string_view("csil").find(field.format.front()) != std::string_view::npos;
}

bool is_int(const Field& field) noexcept {
  return field.format.size() == 1 && std::string_view("cCsSiIlL").find(field.format.front()) != std::string_view::npos;
}

bool is_bytes(const Field& field) noexcept {
  return field.layout == Layout::binary || field.layout == Layout::large_binary ||
         field.layout == Layout::binary_view || field.format.starts_with("w:");
}

bool is_text(const Field& field) noexcept { return field.format.back() == 'u' || field.format.back() == 'U'; }

/// Widened to 64 bits, with its sign.
std::uint64_t int_at(const Field& field, const Array& array, std::uint64_t row) noexcept {
  if (field.layout == Layout::bits)
    return bit_at(array.values(), static_cast<std::uint64_t>(array.offset) + row) ? 1 : 0;
  std::uint64_t number = 0;
  const std::string_view bytes = bytes_at(field, array, row);
  std::memcpy(&number, bytes.data(), bytes.size());
  const std::size_t unused = 64 - 8 * bytes.size();
  if (!is_signed(field)) return number;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(number << unused) >> unused);
}

template <typename Value, typename At>
CodedColumn code_values(const Array& array, At at) {
  const auto rows = static_cast<std::size_t>(array.length);
  RowCoder<Value> coder(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    if (is_null(array, row)) {
      coder.add_null();
    } else {
      coder.add(at(row));
    }
  }
  return coder.take();
}

CodedColumn code_column(const Field& field, const Array& array) {
  if (!metadata_of(field, pickle_key).empty()) {
    throw InvalidArgumentError(
        "the column '" + field.name +
        "' is pickled, and cannot be keys: give it a dtype, such as string, or scatter by codes");
  }
  if (field.dictionary) {
    const CodedColumn values = code_column(*field.dictionary, *array.dictionary);
    RowCoder<std::uint64_t> coder(static_cast<std::size_t>(array.length));
    for (std::size_t row = 0; row < static_cast<std::size_t>(array.length); ++row) {
      const std::uint32_t code = is_null(array, row) ? null_code : values.codes[int_at(field, array, row)];
      if (code == null_code) {
        coder.add_null();
      } else {
        coder.add(code);
      }
    }
    return coder.take();
  }
  if (is_bytes(field)) {
    return code_values<std::string_view>(array, [&](std::size_t row) { return bytes_at(field, array, row); });
  }
  if (is_int(field) || field.layout == Layout::bits) {
    return code_values<std::uint64_t>(array, [&](std::size_t row) { return int_at(field, array, row); });
  }
  throw InvalidArgumentError("the column '" + field.name +
                             "' cannot be keys: they are strings, bytes or ints; or scatter by codes");
}

/// Of rows that agree in all columns so far and in one more.
CodedColumn combine(const CodedColumn& one, const CodedColumn& other) {
  RowCoder<std::uint64_t> coder(one.codes.size());
  for (std::size_t row = 0; row < one.codes.size(); ++row) {
    if (one.codes[row] == null_code || other.codes[row] == null_code) {
      coder.add_null();
    } else {
      coder.add(std::uint64_t{one.codes[row]} << 32U | other.codes[row]);
    }
  }
  return coder.take();
}

struct Value {
  const Field* field;
  const Array* array;
  std::uint64_t row;
};

/// Past a dictionary.
Value value_at(const Field& field, const Array& array, std::uint64_t row) noexcept {
  if (!field.dictionary) return {&field, &array, row};
  return {field.dictionary.get(), array.dictionary.get(), int_at(field, array, row)};
}

void pack_int_value(std::string& out, const Value& value) {
  const std::uint64_t number = int_at(*value.field, *value.array, value.row);
  const bool is_negative = is_signed(*value.field) && static_cast<std::int64_t>(number) < 0;
  pack_int(out, is_negative ? 0 - number : number, is_negative);
}

void pack_element(std::string& out, const Value& value) {
  if (!is_bytes(*value.field)) return pack_int_value(out, value);
  const std::string_view bytes = bytes_at(*value.field, *value.array, value.row);
  return is_text(*value.field) ? pack_text(out, bytes) : pack_bytes(out, bytes);
}

std::string key_of(const Value& value) {
  if (is_bytes(*value.field)) return std::string(bytes_at(*value.field, *value.array, value.row));
  std::string key;
  pack_int_value(key, value);
  return key;
}

std::size_t find_column(const Field& table, const std::string& name) {
  const auto found = std::find_if(table.children.begin(), table.children.end(),
                                  [&](const Field& field) { return field.name == name; });
  if (found == table.children.end()) throw InvalidArgumentError("there is no column '" + name + "' to scatter by");
  return static_cast<std::size_t>(found - table.children.begin());
}

/// Gives nulls the last code. Returns whether there are any.
bool number_nulls(CodedColumn& coded) {
  const auto code = static_cast<std::uint32_t>(coded.first_rows.size());
  bool has_nulls = false;
  for (std::uint32_t& each : coded.codes) {
    has_nulls |= each == null_code;
    each = each == null_code ? code : each;
  }
  return has_nulls;
}

/// At a cost that does not depend on how many there may be.
KeyedGroups group_by_few_codes(std::span<const std::int64_t> codes) {
  Codes numbers;
  numbers.reserve(codes.size());
  Interner<std::uint64_t> interner;
  for (const std::int64_t code : codes) numbers.push_back(interner.number_of(static_cast<std::uint64_t>(code)));
  std::vector<std::string> keys;
  for (const std::uint64_t code : interner.values()) pack_int(keys.emplace_back(), code, false);
  return {Groups(numbers, keys.size()), std::move(keys)};
}

}  // namespace

Groups::Groups(std::span<const std::uint32_t> codes, std::size_t count) : rows_(codes.size()), ends_(count) {
  for (const std::uint32_t code : codes) ++ends_[code];
  std::size_t begin = 0;
  for (std::size_t& end : ends_) begin += std::exchange(end, begin);
  for (std::size_t row = 0; row < codes.size(); ++row) rows_[ends_[codes[row]]++] = static_cast<std::uint32_t>(row);
}

KeyedGroups group_by_columns(const Column& table, std::span<const std::string> names,
                             const std::optional<std::string>& null_key) {
  std::vector<std::size_t> columns;
  for (const std::string& name : names) columns.push_back(find_column(table.field, name));
  const auto code = [&](std::size_t column) {
    return code_column(table.field.children[column], table.array.children[column]);
  };
  CodedColumn coded = code(columns.front());
  for (std::size_t i = 1; i < columns.size(); ++i) coded = combine(coded, code(columns[i]));
  std::vector<std::string> keys;
  for (const std::uint32_t row : coded.first_rows) {
    const auto value = [&](std::size_t column) {
      return value_at(table.field.children[column], table.array.children[column], row);
    };
    if (columns.size() == 1) {
      keys.push_back(key_of(value(columns.front())));
      continue;
    }
    std::string& key = keys.emplace_back(1, tuple_kind);
    for (const std::size_t column : columns) pack_element(key, value(column));
    key += element_end;
  }
  if (number_nulls(coded)) {
    if (!null_key) throw InvalidArgumentError("a row has no key, for it is null: say null_key= for such rows");
    keys.push_back(*null_key);
  }
  return {Groups(coded.codes, keys.size()), std::move(keys)};
}

KeyedGroups group_by_codes(std::span<const std::int64_t> codes, std::size_t count) {
  for (const std::int64_t code : codes) {
    if (code < 0 || static_cast<std::uint64_t>(code) >= count) {
      throw InvalidArgumentError("a code is at least 0 and below n, " + std::to_string(count) + ", and not " +
                                 std::to_string(code));
    }
  }
  if (count > codes.size()) return group_by_few_codes(codes);
  Codes small;
  small.reserve(codes.size());
  for (const std::int64_t code : codes) small.push_back(static_cast<std::uint32_t>(code));
  std::vector<std::string> keys(count);
  for (std::size_t i = 0; i < count; ++i) pack_int(keys[i], i, false);
  return {Groups(small, count), std::move(keys)};
}

}  // namespace accrete::python
