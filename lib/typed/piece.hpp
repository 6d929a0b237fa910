// The piece: how elements of one type are stored, so that the value of a key is all its pieces.
//
//   value   = *piece
//   piece   = header schema padding payload padding
//   header  = magic:4 version:u8 type:u8 schema_size:u16 header_check:u64 checksum:u64 element_size:u32 count:u32
//   payload = count*element
//   element = number / 1*number               ; the fields of a struct, without a gap
//   number  = OCTET … 16 OCTET                ; two's complement, IEEE 754; of a complex number, first the real part
//   schema  = [field *("," field)]            ; of a struct
//   field   = name ":" type-name              ; as in "delay:float32,distance:int32"
//   name    = 1*63(ALPHA / DIGIT / "_")       ; no two of a struct are the same
//
// All numbers are little-endian. `type` is a NumberType, or 32 for a struct; a bool is a byte that is 0 or 1. Zero
// bytes pad schema and payload to multiples of 8, so that elements are aligned wherever the value is (no element needs
// more). `checksum` is the XXH3-64 of the payload with its padding. `header_check` is that of all that follows it in
// the header and of the schema with its padding, seeded with the eight bytes before it. A payload has at most 1 MiB.
//
// Two values of one type, one after the other, are the value of all their elements: a piece does not know where it
// stands. So a value that was cut between two pieces looks whole. A piece without elements records the type alone.
//
// Rejected: a hash of the schema instead of its text, which would save some tens of bytes a piece of structs, and then
// a program that does not know the struct could not read it. One checksum over header and payload: then a damaged count
// hides where the piece ends, and a header cannot be checked without the elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "typed/element_type.hpp"

namespace accrete {

inline constexpr std::size_t piece_header_size = 4 + 1 + 1 + 2 + 8 + 8 + 4 + 4;
inline constexpr std::size_t piece_alignment = 8;
inline constexpr std::size_t max_payload_size = std::size_t{1} << 20;
/// Appends are cut into such payloads: what is read so stays in a core's cache until it is copied to where it belongs.
inline constexpr std::size_t usual_payload_size = std::size_t{256} << 10;
/// All of them, with the longest names, and types of ten letters.
inline constexpr std::size_t max_schema_size = max_fields * (max_field_name_size + 1 + 10 + 1);
/// As many bytes of a value tell its type.
inline constexpr std::size_t max_piece_front_size = piece_header_size + max_schema_size;
static_assert(piece_header_size % piece_alignment == 0 && max_schema_size % piece_alignment == 0);

[[nodiscard]] constexpr std::size_t padded_size(std::size_t size) noexcept {
  return (size + piece_alignment - 1) / piece_alignment * piece_alignment;
}

/// Where a piece begins: for messages.
struct PiecePlace {
  std::string_view key;
  std::uint64_t offset = 0;
};

struct PieceHeader {
  TypeTag type{};  ///< its schema points into the piece
  std::uint32_t count = 0;
  std::uint64_t checksum = 0;

  [[nodiscard]] std::size_t payload_offset() const noexcept {
    return piece_header_size + padded_size(type.schema.size());
  }
  [[nodiscard]] std::size_t payload_size() const noexcept { return std::size_t{count} * type.element_size; }
  /// Of the whole piece.
  [[nodiscard]] std::size_t size() const noexcept { return payload_offset() + padded_size(payload_size()); }
};

/// Appends the front of a piece of `count` elements, for which finish_piece makes up when the payload stands after it.
/// Returns where the piece begins.
[[nodiscard]] std::size_t begin_piece(const TypeTag& type, std::size_t count, std::string& to);
/// Pads the payload and seals the last piece of `to`, which begins at `begin`.
void finish_piece(std::size_t begin, std::string& to);
/// Gives a piece the checksums of what it holds. It must be as long as its header says.
void seal_piece(std::size_t begin, std::string& to);

/// The header of the piece that `bytes` begin with; nullopt if they end before it does. Throws CorruptionError if it is
/// damaged, TypeMismatchError if a value's first bytes are not those of a piece, UnsupportedError for another version.
[[nodiscard]] std::optional<PieceHeader> try_decode_piece_header(std::string_view bytes, const PiecePlace& place);

/// The payload of a piece that `bytes` begin with and hold in whole. Throws CorruptionError.
[[nodiscard]] std::string_view checked_payload(const PieceHeader& header, std::string_view bytes,
                                               const PiecePlace& place);

/// Throws TypeMismatchError if the piece's type is another than `wanted`, and CorruptionError if it is none.
void check_type(const PieceHeader& header, const ElementType& wanted, const PiecePlace& place);

/// Whether each bool in the payload is 0 or 1.
[[nodiscard]] bool has_only_bools(const ElementType& type, std::string_view payload) noexcept;

[[noreturn]] void throw_damaged_piece(const PiecePlace& place, std::string_view cause);

}  // namespace accrete
