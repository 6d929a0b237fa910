#include "typed/packed_token.hpp"

#include <accrete/error.hpp>
#include <bit>
#include <limits>

namespace accrete {
namespace {

/// Sign-extends a two's complement number of `bytes` bytes.
std::uint64_t extend_sign(std::uint64_t number, unsigned bytes) noexcept {
  const unsigned unused = 64 - 8 * bytes;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(number << unused) >> unused);
}

void pack(std::string& out, unsigned first, std::uint64_t number, unsigned bytes) {
  out += static_cast<char>(first);
  for (unsigned left = bytes; left-- > 0;) out += static_cast<char>(number >> (8 * left) & 0xFF);
}

/// Of a string, an array or a map; `first16` is the first byte of the form with two bytes, after which that with four
/// comes.
void pack_size(std::string& out, std::uint64_t size, unsigned first16, const char* what) {
  if (size > std::numeric_limits<std::uint32_t>::max()) {
    throw TooLargeError("cannot pack " + std::string(what) + " of " + std::to_string(size) +
                        ": MessagePack has at most 4294967295");
  }
  const bool short_form = size <= std::numeric_limits<std::uint16_t>::max();
  pack(out, short_form ? first16 : first16 + 1, size, short_form ? 2 : 4);
}

}  // namespace

std::uint64_t load_packed_number(std::string_view bytes) noexcept {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::optional<PackedToken> read_packed_token(std::string_view bytes) noexcept {
  if (bytes.empty()) return std::nullopt;
  const PackedForm form = packed_forms::table[static_cast<unsigned char>(bytes[0])];
  if (form.number_bytes > bytes.size() - 1) return std::nullopt;
  PackedToken token{.kind = form.kind, .head_bytes = 1U + form.number_bytes, .number = form.number};
  if (form.number_bytes > 0) token.number = load_packed_number(bytes.substr(1, form.number_bytes));
  if (form.kind == PackedKind::signed_integer) {
    token.number = extend_sign(token.number, form.number_bytes > 0 ? form.number_bytes : 1);
  }
  return token;
}

PackedToken take_packed_token(std::string_view& item) {
  const std::optional<PackedToken> token = read_packed_token(item);
  if (!token) throw CorruptionError("cannot unpack an item: it is cut");
  item.remove_prefix(token->head_bytes);
  return *token;
}

std::string_view take_packed_body(std::string_view& item, const PackedToken& token) {
  if (token.body_bytes() > item.size()) throw CorruptionError("cannot unpack an item: it is cut");
  const std::string_view body = item.substr(0, token.body_bytes());
  item.remove_prefix(body.size());
  return body;
}

std::string_view take_packed_object(std::string_view& item) {
  const std::string_view object = item;
  for (std::uint64_t lacking = 1; lacking > 0; --lacking) {
    const PackedToken token = take_packed_token(item);
    if (token.has_body()) static_cast<void>(take_packed_body(item, token));
    if (token.is_container()) lacking += token.objects_inside();
  }
  return object.substr(0, object.size() - item.size());
}

float packed_float32(const PackedToken& token) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(token.number));
}

double packed_float64(const PackedToken& token) noexcept { return std::bit_cast<double>(token.number); }

void pack_nil(std::string& out) { pack(out, 0xC0, 0, 0); }

void pack_boolean(std::string& out, bool value) { pack(out, value ? 0xC3 : 0xC2, 0, 0); }

void pack_unsigned(std::string& out, std::uint64_t value) {
  if (value < 0x80) {
    pack(out, static_cast<unsigned>(value), 0, 0);
    return;
  }
  const unsigned power = value <= 0xFF ? 0 : value <= 0xFFFF ? 1 : value <= 0xFFFFFFFF ? 2 : 3;
  pack(out, 0xCC + power, value, 1U << power);
}

void pack_signed(std::string& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0) {
    pack_unsigned(out, bits);
    return;
  }
  if (value >= -32) {
    pack(out, static_cast<unsigned>(bits & 0xFF), 0, 0);
    return;
  }
  const unsigned power = value >= std::numeric_limits<std::int8_t>::min()    ? 0
                         : value >= std::numeric_limits<std::int16_t>::min() ? 1
                         : value >= std::numeric_limits<std::int32_t>::min() ? 2
                                                                             : 3;
  pack(out, 0xD0 + power, bits, 1U << power);
}

void pack_float64(std::string& out, double value) { pack(out, 0xCB, std::bit_cast<std::uint64_t>(value), 8); }

void pack_string(std::string& out, std::string_view utf8) {
  if (utf8.size() < 0x20) {
    pack(out, 0xA0 + static_cast<unsigned>(utf8.size()), 0, 0);
  } else if (utf8.size() <= 0xFF) {
    pack(out, 0xD9, utf8.size(), 1);
  } else {
    pack_size(out, utf8.size(), 0xDA, "a string");
  }
  out.append(utf8);
}

void pack_binary(std::string& out, std::string_view bytes) {
  if (bytes.size() <= 0xFF) {
    pack(out, 0xC4, bytes.size(), 1);
  } else {
    pack_size(out, bytes.size(), 0xC5, "a binary");
  }
  out.append(bytes);
}

void pack_array_head(std::string& out, std::uint64_t elements) {
  if (elements < 0x10) {
    pack(out, 0x90 + static_cast<unsigned>(elements), 0, 0);
  } else {
    pack_size(out, elements, 0xDC, "an array");
  }
}

void pack_map_head(std::string& out, std::uint64_t pairs) {
  if (pairs < 0x10) {
    pack(out, 0x80 + static_cast<unsigned>(pairs), 0, 0);
  } else {
    pack_size(out, pairs, 0xDE, "a map");
  }
}

}  // namespace accrete
