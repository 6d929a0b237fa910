#include "base/escape.hpp"

#include <cstddef>

#include "base/hex.hpp"

namespace accrete {
namespace {

constexpr std::size_t max_quoted = 200;  // bytes

bool is_continuation(std::string_view bytes, std::size_t at) noexcept {
  return at < bytes.size() && (static_cast<unsigned char>(bytes[at]) & 0xC0) == 0x80;
}

/// The length of the character at the front of `bytes`; 0 if there is none. Refuses overlong forms, surrogates and what
/// lies after U+10FFFF, as RFC 3629 asks.
std::size_t character_size(std::string_view bytes) noexcept {
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first < 0x80) return 1;
  if (!is_continuation(bytes, 1)) return 0;
  const auto second = static_cast<unsigned char>(bytes[1]);
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (!is_continuation(bytes, 2)) return 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (first < 0xF0 || first > 0xF4 || !is_continuation(bytes, 3)) return 0;
  const bool overlong = first == 0xF0 && second < 0x90;
  const bool too_high = first == 0xF4 && second >= 0x90;
  return overlong || too_high ? 0 : 4;
}

/// Likewise, of a printable one.
std::size_t printable_size(std::string_view bytes) noexcept {
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first < 0x20 || first == 0x7F || first == '\\') return 0;
  const std::size_t size = character_size(bytes);
  const bool is_control = size == 2 && first == 0xC2 && static_cast<unsigned char>(bytes[1]) < 0xA0;
  return is_control ? 0 : size;
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

void escape_to(std::string& out, std::string_view bytes) {
  while (!bytes.empty()) {
    if (const std::size_t size = printable_size(bytes)) {
      out.append(bytes.substr(0, size));
      bytes.remove_prefix(size);
      continue;
    }
    out += "\\x";
    append_hex(out, bytes[0]);
    bytes.remove_prefix(1);
  }
}

std::string escape(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  escape_to(out, bytes);
  return out;
}

bool is_utf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t size = character_size(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && text.size() - i >= 4 && text[i + 1] == 'x') {
      const int high = hex_value(text[i + 2]);
      const int low = hex_value(text[i + 3]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 3;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string Quoted::operator()(std::string_view bytes) const {
  std::string out = "'";
  escape_to(out, bytes.substr(0, max_quoted));
  if (bytes.size() <= max_quoted) return out += "'";
  return out.append("…' (").append(std::to_string(bytes.size())).append(" bytes)");
}

}  // namespace accrete
