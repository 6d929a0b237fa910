#include "key_elements.hpp"

#include <bit>

namespace accrete::python {
namespace {

void pack_escaped(std::string& out, char kind, std::string_view bytes) {
  out += kind;
  for (const char byte : bytes) {
    out += byte;
    if (byte == element_end) out += element_escape;
  }
  out += element_end;
}

}  // namespace

std::uint64_t max_of_bytes(int count) noexcept {
  return count == max_int_bytes ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * count)) - 1;
}

int bytes_of(std::uint64_t magnitude) noexcept { return (static_cast<int>(std::bit_width(magnitude)) + 7) / 8; }

void pack_int(std::string& out, std::uint64_t magnitude, bool is_negative) {
  const int count = bytes_of(magnitude);
  const std::uint64_t number = is_negative ? max_of_bytes(count) - magnitude : magnitude;
  out += static_cast<char>(zero_kind + (is_negative ? -count : count));
  for (int i = count - 1; i >= 0; --i) out += static_cast<char>(number >> (8 * i));
}

void pack_bytes(std::string& out, std::string_view bytes) { pack_escaped(out, byte_kind, bytes); }

void pack_text(std::string& out, std::string_view utf8) { pack_escaped(out, text_kind, utf8); }

}  // namespace accrete::python
