// Pieces of a table: what an append of rows to a key consists of. A value is pieces, one after the other.
//
//   value      = *piece
//   piece      = schema *dictionary batch end   ; an Arrow IPC stream
//   schema     = message                        ; a Schema
//   dictionary = message                        ; a DictionaryBatch, whole; one for each column that has one
//   batch      = message                        ; a RecordBatch: the rows
//   message    = %xFFFFFFFF metadata_size:i32 metadata body
//   end        = %xFFFFFFFF %x00000000
//
// https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc has the messages.
// Metadata and bodies have multiples of 8 bytes, and are not compressed. In the custom_metadata of the batch's message
// "accrete.checksum" has 16 hexadecimal digits; in that of the schema's it says "xxh3", so that the loss of one of both
// is seen. The digits are XXH3-64 of what follows them in the piece, seeded with that of what precedes them in the
// batch, seeded with that of what precedes the batch: so what pieces have in common is hashed once.
//
// Streams that others have written may have no checksum, and then any number of batches and dictionaries that replace
// others; they end with `end`, too.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "field.hpp"
#include "take.hpp"

namespace accrete::python {

/// Memory for pieces, which stay where they are until it is cleared.
class Arena {
 public:
  [[nodiscard]] std::byte* take(std::size_t size);
  void clear() noexcept {
    blocks_.clear();
    left_ = 0;
  }

 private:
  std::vector<std::shared_ptr<std::byte>> blocks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

/// A message of a batch but for its numbers: they are written into a copy of it.
struct BatchMessage {
  std::string bytes;  ///< with its size before it, and padded
  std::size_t length_at = 0;
  std::size_t nodes_at = 0;
  std::size_t buffers_at = 0;
  std::size_t body_size_at = 0;
  std::size_t checksum_at = 0;

  /// Copies it, with the numbers of what was measured.
  void write(std::byte* to, std::int64_t length, const Taking& taking) const noexcept;
};

/// Makes pieces of a table's rows.
class PieceEncoder {
 public:
  /// `table` is borrowed. Throws UnsupportedError.
  explicit PieceEncoder(const Column& table);

  /// A piece that holds these rows, in this order.
  [[nodiscard]] std::string_view encode(Rows rows, Arena& arena);
  /// A piece for each.
  [[nodiscard]] std::vector<std::string_view> encode_all(std::span<const Rows> parts, Arena& arena);

  /// As it is stored.
  [[nodiscard]] const Field& schema() const noexcept { return schema_; }

 private:
  void add_dictionaries(const Field& stored, const Field& field, const Array& array);
  [[nodiscard]] std::size_t body_at() const noexcept { return front_.size() + message_.bytes.size(); }
  void finish(std::span<std::byte> piece, std::size_t rows, const Taking& taking) const noexcept;

  const Column& table_;
  Field schema_;
  std::string front_;  // the schema and the dictionaries
  std::uint64_t front_hash_ = 0;
  BatchMessage message_;
};

struct StoredDictionary {
  std::int64_t id;
  std::shared_ptr<const Field> field;  ///< that it was read by: columns may share an id only if they agree in it
  std::shared_ptr<const Array> array;
};

/// Reads the pieces of values.
class PieceReader {
 public:
  /// Adds what a value holds; its bytes must stay. Throws CorruptionError, UnsupportedError, TypeMismatchError if its
  /// columns are not those of what was added before, and, between two pieces, InterruptedError.
  void add(std::string_view value);

  /// Of the first piece; nullptr before there is one.
  [[nodiscard]] const Field* schema() const noexcept { return schema_ ? &*schema_ : nullptr; }
  /// Borrowed from the values; those of equal dictionaries mostly have the same.
  [[nodiscard]] const std::vector<Array>& batches() const noexcept { return batches_; }

 private:
  class Piece;
  /// A piece with another schema or other dictionaries than the one before.
  void begin(const Piece& piece);

  std::optional<Field> schema_;
  std::vector<Array> batches_;
  // Of the latest piece that was begun:
  Field latest_;
  std::vector<StoredDictionary> dictionaries_;
  std::string_view front_;  // all before its batch, if it has a checksum
  std::uint64_t front_hash_ = 0;
};

}  // namespace accrete::python
