// Fuzzes the decoder of typed values, also behind right checksums: what is decoded is what is encoded.
#include <accrete/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "support/require.hpp"
#include "typed/value_reader.hpp"

namespace {

using namespace accrete;

void check_again(const ElementType& type, std::string_view payload) {
  std::string piece;
  const std::size_t begin = begin_piece(type.tag(), payload.size() / type.size(), piece);
  piece += payload;
  finish_piece(begin, piece);
  ValueReader reader(piece, "again", type);
  test::require(reader.next() == payload.size() / type.size(), "a piece has as many elements as were encoded");
  test::require(reader.payloads().front() == payload, "a piece holds what was encoded");
}

void decode(const std::string& value) {
  try {
    ValueReader reader(value, "k", std::nullopt);
    while (const std::size_t count = reader.next()) {
      std::size_t found = 0;
      for (const std::string_view payload : reader.payloads()) {
        found += payload.size() / reader.type()->size();
        check_again(*reader.type(), payload);
      }
      test::require(found == count, "the elements are those of the pieces");
    }
  } catch (const CorruptionError&) {
  } catch (const TypeMismatchError&) {
  } catch (const UnsupportedError&) {
  }
}

/// The bytes as one piece with right checksums, if they are long enough for what their header says.
void decode_sealed(std::string piece) {
  if (piece.size() < piece_header_size) return;
  const auto schema_size = static_cast<unsigned char>(piece[6]) + 256 * static_cast<unsigned char>(piece[7]);
  if (piece_header_size + padded_size(static_cast<std::size_t>(schema_size)) > piece.size()) return;
  piece.resize(padded_size(piece.size()));
  seal_piece(0, piece);
  decode(piece);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string value(reinterpret_cast<const char*>(data), size);
  decode(value);
  decode_sealed(value);
  return 0;
}
