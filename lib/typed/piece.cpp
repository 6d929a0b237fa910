#include "typed/piece.hpp"

#include <accrete/error.hpp>

#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "base/hash.hpp"
#include "base/zeros.hpp"

namespace accrete {
namespace {

constexpr std::string_view magic = "ACNU";
constexpr std::uint8_t version = 1;

constexpr std::size_t header_check_offset = 4 + 1 + 1 + 2;
constexpr std::size_t checksum_offset = header_check_offset + 8;

/// As if the magic were right: what differs in nothing else is a damaged piece, not some other value.
std::uint64_t header_check(std::string_view front) noexcept {
  std::array<std::byte, 8> seed{};
  const auto before = as_byte_span(front).first<header_check_offset>();
  std::copy(before.begin(), before.end(), seed.begin());
  std::copy_n(as_byte_span(magic).begin(), magic.size(), seed.begin());
  return hash64(front.substr(checksum_offset), load_le<std::uint64_t>(seed));
}

std::string place_of(const PiecePlace& place) {
  return "the value of key " + quoted(place.key) + " at byte " + std::to_string(place.offset);
}

[[noreturn]] void throw_no_piece(const PiecePlace& place) {
  if (place.offset > 0) throw_damaged_piece(place, "no piece begins there");
  throw TypeMismatchError("the value of key " + quoted(place.key) +
                          " holds no typed elements: it is raw bytes, or of another encoding");
}

}  // namespace

void throw_damaged_piece(const PiecePlace& place, std::string_view cause) {
  throw CorruptionError(place_of(place) + " is damaged: " + std::string(cause));
}

std::size_t begin_piece(const TypeTag& type, std::size_t count, std::string& to) {
  const std::size_t begin = to.size();
  to += magic;
  append_le(to, version);
  append_le(to, type.code);
  append_le(to, static_cast<std::uint16_t>(type.schema.size()));
  to.append(8 + 8, '\0');
  append_le(to, type.element_size);
  append_le(to, static_cast<std::uint32_t>(count));
  to += type.schema;
  to.append(padded_size(type.schema.size()) - type.schema.size(), '\0');
  return begin;
}

void finish_piece(std::size_t begin, std::string& to) {
  const std::size_t size = to.size() - begin;
  to.append(padded_size(size) - size, '\0');
  seal_piece(begin, to);
}

void seal_piece(std::size_t begin, std::string& to) {
  const std::span<std::byte> piece = std::as_writable_bytes(std::span{to}).subspan(begin);
  const std::string_view bytes = as_string_view(piece);
  ByteReader reader(bytes.substr(4 + 1 + 1));
  const std::size_t front_size = piece_header_size + padded_size(reader.integer<std::uint16_t>());
  store_le(piece.subspan<checksum_offset, 8>(), hash64(bytes.substr(front_size)));
  store_le(piece.subspan<header_check_offset, 8>(), header_check(bytes.substr(0, front_size)));
}

std::optional<PieceHeader> try_decode_piece_header(std::string_view bytes, const PiecePlace& place) {
  const bool has_magic = magic.starts_with(bytes.substr(0, magic.size()));
  if (bytes.size() < piece_header_size) {
    if (!has_magic) throw_no_piece(place);
    return std::nullopt;
  }
  ByteReader reader(bytes.substr(magic.size()));
  PieceHeader header;
  const auto found_version = reader.integer<std::uint8_t>();
  header.type.code = reader.integer<std::uint8_t>();
  const std::size_t schema_size = reader.integer<std::uint16_t>();
  const auto check = reader.integer<std::uint64_t>();
  header.checksum = reader.integer<std::uint64_t>();
  header.type.element_size = reader.integer<std::uint32_t>();
  header.count = reader.integer<std::uint32_t>();
  header.type.schema = bytes.substr(piece_header_size, schema_size);
  const std::size_t front_size = piece_header_size + padded_size(schema_size);
  const bool is_within_limits = schema_size <= max_schema_size && front_size <= bytes.size();
  const bool is_right = is_within_limits && check == header_check(bytes.substr(0, front_size));
  if (!has_magic && !is_right) throw_no_piece(place);
  if (schema_size <= max_schema_size && front_size > bytes.size()) return std::nullopt;
  if (!has_magic || !is_right) throw_damaged_piece(place, "the header of a piece has a wrong checksum");
  if (found_version != version) {
    throw UnsupportedError(place_of(place) + " has format version " + std::to_string(found_version) +
                           "; this version of accrete knows " + std::to_string(version));
  }
  if (!is_zero(bytes.substr(0, front_size).substr(piece_header_size + schema_size))) {
    throw_damaged_piece(place, "the schema of a piece is not padded with zeros");
  }
  if (header.type.element_size == 0 || header.count > max_payload_size / header.type.element_size) {
    throw_damaged_piece(place, "the header of a piece says that it has " + std::to_string(header.count) +
                                   " elements of " + std::to_string(header.type.element_size) + " bytes");
  }
  return header;
}

std::string_view checked_payload(const PieceHeader& header, std::string_view bytes, const PiecePlace& place) {
  const std::string_view padded = bytes.substr(header.payload_offset(), header.size() - header.payload_offset());
  if (hash64(padded) != header.checksum) throw_damaged_piece(place, "the elements of a piece have a wrong checksum");
  if (!is_zero(padded.substr(header.payload_size()))) {
    throw_damaged_piece(place, "the elements of a piece are not padded with zeros");
  }
  return padded.substr(0, header.payload_size());
}

void check_type(const PieceHeader& header, const ElementType& wanted, const PiecePlace& place) {
  if (header.type == wanted.tag()) return;
  const std::optional<ElementType> found = ElementType::try_decode(header.type);
  if (!found) throw_damaged_piece(place, "the header of a piece names no type of elements");
  throw TypeMismatchError(place_of(place) + " holds " + found->name() + ", not " + wanted.name());
}

bool has_only_bools(const ElementType& type, std::string_view payload) noexcept {
  unsigned char bits = 0;
  for (const ElementType::Field& field : type.fields()) {
    if (field.type != NumberType::boolean) continue;
    for (std::size_t i = field.offset; i < payload.size(); i += type.size()) {
      bits = static_cast<unsigned char>(bits | static_cast<unsigned char>(payload[i]));
    }
  }
  return bits <= 1;
}

}  // namespace accrete
