// Rows of an array as the buffers of a record batch: first how large they are, then the bytes.
#pragma once

#include <accrete/error.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "field.hpp"

namespace accrete::python {

/// Numbers of elements of an array.
using Rows = std::span<const std::uint32_t>;

/// Where a buffer of a record batch lies in its body, as Arrow IPC has it.
struct BufferPlace {
  std::int64_t offset = 0;
  std::int64_t size = 0;
};

struct NodeCounts {
  std::int64_t length = 0;
  std::int64_t null_count = 0;
};

/// Bodies are made of buffers that begin at multiples of this.
inline constexpr std::size_t body_alignment = 8;

[[nodiscard]] constexpr std::size_t padded(std::size_t size) noexcept {
  return (size + body_alignment - 1) / body_alignment * body_alignment;
}

/// More than 2 GiB, or 2^31 elements, in rows of which the offsets have 32 bits.
class OffsetsTooLargeError : public TooLargeError {
 public:
  using TooLargeError::TooLargeError;
};

/// Where the elements of a column go in one piece.
struct Places {
  std::byte* values = nullptr;  ///< or offsets
  std::byte* bytes = nullptr;
};

/// Of each row of a table, the piece that it goes to.
using PieceOfRow = std::span<const std::uint32_t>;

/// Whether a column can be taken for all pieces in one pass over its rows: then its memory is read in order, where
/// taking the rows of one piece after the other reads little of each cache line, and each as often as there are pieces.
[[nodiscard]] bool can_distribute(const Field& field) noexcept;

/// Of each piece: the bytes of its strings, which are in such a column.
[[nodiscard]] std::vector<std::size_t> bytes_of_pieces(const Field& field, const Array& array, PieceOfRow piece_of_row,
                                                       std::size_t pieces);

/// Takes such a column. `places` is of each piece.
void distribute(const Field& field, const Array& array, PieceOfRow piece_of_row, std::vector<Places>& places);

/// What is taken of one array, or of the columns of a table.
class Taking {
 public:
  /// Adds an array; `bytes` are those of its strings in these rows, where they are known. Throws OffsetsTooLargeError.
  void measure(const Field& field, const Array& array, Rows rows, std::optional<std::size_t> bytes = std::nullopt);
  /// Writes what was measured, in the same order, to the front of `body`.
  void fill(const Field& field, const Array& array, Rows rows, std::byte* body);

  /// As fill, but of an array that can be distributed it writes the validity alone. Where the rest goes.
  [[nodiscard]] Places fill_validity_of(const Field& field, const Array& array, Rows rows, std::byte* body);

  [[nodiscard]] const std::vector<NodeCounts>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] const std::vector<BufferPlace>& buffers() const noexcept { return buffers_; }
  [[nodiscard]] std::size_t body_size() const noexcept { return body_size_; }

 private:
  void add_buffer(std::size_t size);
  void measure_children(const Field& field, const Array& array, Rows rows);
  void fill_children(const Field& field, const Array& array, Rows rows, std::byte* body);
  [[nodiscard]] std::byte* next_buffer(std::byte* body);
  void fill_validity(const Array& array, Rows rows, std::byte* body);

  std::vector<NodeCounts> nodes_;
  std::vector<BufferPlace> buffers_;
  std::deque<std::vector<std::uint32_t>> rows_of_children_;  // of lists, as they were measured
  std::size_t body_size_ = 0;
  std::size_t next_node_ = 0;  // of fill
  std::size_t next_buffer_ = 0;
  std::size_t next_rows_ = 0;
};

}  // namespace accrete::python
