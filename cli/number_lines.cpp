#include "cli/number_lines.hpp"

#include <accrete/columns.hpp>
#include <accrete/error.hpp>
#include <array>
#include <bit>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "typed/value_reader.hpp"

namespace accrete::cli {
namespace {

template <typename T>
void append_digits(std::string& to, T number) {
  std::array<char, 32> digits{};  // more than any of the types needs
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  to.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

template <std::unsigned_integral Word>
Word word_at(std::string_view packed) {
  return load_le<Word>(as_byte_span(packed).first<sizeof(Word)>());
}

template <std::integral T>
void append_integer(std::string& to, std::string_view packed) {
  append_digits(to, static_cast<T>(word_at<std::make_unsigned_t<T>>(packed)));
}

template <std::floating_point T, std::unsigned_integral Word>
void append_float(std::string& to, std::string_view packed) {
  append_digits(to, std::bit_cast<T>(word_at<Word>(packed)));
}

/// 1.5-2j: what Python and NumPy read.
template <std::floating_point T, std::unsigned_integral Word>
void append_complex(std::string& to, std::string_view packed) {
  append_float<T, Word>(to, packed);
  std::string imaginary;
  append_float<T, Word>(imaginary, packed.substr(sizeof(T)));
  if (!imaginary.starts_with('-')) to += '+';
  to += imaginary + 'j';
}

void append_number(std::string& to, NumberType type, std::string_view packed) {
  switch (type) {
    case NumberType::int8:
      return append_integer<std::int8_t>(to, packed);
    case NumberType::int16:
      return append_integer<std::int16_t>(to, packed);
    case NumberType::int32:
      return append_integer<std::int32_t>(to, packed);
    case NumberType::int64:
      return append_integer<std::int64_t>(to, packed);
    case NumberType::boolean:
    case NumberType::uint8:
      return append_integer<std::uint8_t>(to, packed);
    case NumberType::uint16:
      return append_integer<std::uint16_t>(to, packed);
    case NumberType::uint32:
      return append_integer<std::uint32_t>(to, packed);
    case NumberType::uint64:
      return append_integer<std::uint64_t>(to, packed);
    case NumberType::float32:
      return append_float<float, std::uint32_t>(to, packed);
    case NumberType::float64:
      return append_float<double, std::uint64_t>(to, packed);
    case NumberType::complex64:
      return append_complex<float, std::uint32_t>(to, packed);
    case NumberType::complex128:
      return append_complex<double, std::uint64_t>(to, packed);
  }
}

/// The elements of a value as text, one at a time.
class ElementTexts {
 public:
  ElementTexts(const Store& store, std::string_view key) : reader_(store, key, std::nullopt) {}

  /// False after the last.
  [[nodiscard]] bool try_append_next(std::string& to) {
    while (packed_.empty()) {
      if (payloads_taken_ == reader_.payloads().size()) {
        payloads_taken_ = 0;
        if (reader_.next() == 0) return false;
      }
      packed_ = reader_.payloads()[payloads_taken_++];
    }
    for (const ElementType::Field& field : reader_.type()->fields()) {
      if (field.offset > 0) to += ',';
      append_number(to, field.type, packed_.substr(field.offset));
    }
    packed_.remove_prefix(reader_.type()->size());
    return true;
  }

 private:
  ValueReader reader_;
  std::size_t payloads_taken_ = 0;
  std::string_view packed_;  // what is left of the one taken last
};

}  // namespace

void write_number_lines(Output& out, const Store& store, std::string_view key, std::string_view front) {
  ElementTexts elements(store, key);
  std::string line(front);
  for (; elements.try_append_next(line); line.resize(front.size())) out.write(line += '\n');
}

bool try_write_table_lines(Output& out, Store& store, std::string_view key, std::string_view front) {
  const std::vector<ColumnType> columns = Columns{store}.columns(key);
  if (columns.empty()) return false;
  std::deque<ElementTexts> texts;
  std::string line(front);
  for (const ColumnType& column : columns) {
    if (!texts.empty()) line += ',';
    line += column.name;
    texts.emplace_back(store, Columns::column_key(key, column.name));
  }
  for (;;) {
    out.write(line += '\n');
    line = front;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) line += ',';
      if (texts[i].try_append_next(line)) continue;
      if (i == 0) return true;
      throw CorruptionError("the key " + quoted(key) + " is damaged: its column " + quoted(columns[i].name) +
                            " has fewer rows than its column " + quoted(columns[0].name));
    }
  }
}

}  // namespace accrete::cli
