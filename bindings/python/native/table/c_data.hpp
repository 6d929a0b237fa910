// Tables from and to other libraries, by Arrow's C data and stream interfaces: without a copy.
#pragma once

#include <optional>

#include "arrow_abi.hpp"
#include "field.hpp"

namespace accrete::python {

/// Throws UnsupportedError for types that tables cannot hold.
[[nodiscard]] Field import_field(const ArrowSchema& schema);

/// Takes the array over. It is released when the last buffer of it is let go of.
[[nodiscard]] Array import_array(const Field& field, ArrowArray& array);

/// A stream that another library produces. Borrowed: whoever holds it releases it.
class ImportedStream {
 public:
  /// Throws Error with what the producer says, UnsupportedError, or InvalidArgumentError if it is none of a table, or
  /// is released.
  explicit ImportedStream(ArrowArrayStream& stream);

  [[nodiscard]] const Field& schema() const noexcept { return schema_; }
  /// The next rows; nullopt at the end.
  [[nodiscard]] std::optional<Array> next();

 private:
  [[noreturn]] void throw_error();

  ArrowArrayStream& stream_;
  Field schema_;
};

/// What it is filled with is to be released by whoever gets it.
void export_field(const Field& field, ArrowSchema& to);
/// As above; it shares the memory of `array`.
void export_array(const Field& field, const Array& array, ArrowArray& to);
/// As above: a stream of one batch.
void export_stream(const Column& table, ArrowArrayStream& to);

}  // namespace accrete::python
