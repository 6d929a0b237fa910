#include "cli/number_lines.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
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

}  // namespace

void write_number_lines(Output& out, const Store& store, std::string_view key, std::string_view front) {
  ValueReader reader(store, key, std::nullopt);
  std::string line(front);
  while (reader.next() > 0) {
    const ElementType& type = *reader.type();
    for (std::string_view packed : reader.payloads()) {
      for (; !packed.empty(); packed.remove_prefix(type.size())) {
        line.resize(front.size());
        for (const ElementType::Field& field : type.fields()) {
          if (field.offset > 0) line += ',';
          append_number(line, field.type, packed.substr(field.offset));
        }
        line += '\n';
        out.write(line);
      }
    }
  }
}

}  // namespace accrete::cli
