// Fuzzes the reader of tables, also after right checksums: what it lets pass lies in the value, is whole, and takes
// memory in proportion to it. Pieces give together what each gives alone; what is joined has the rows, in their order;
// and what is encoded again reads the same.
#include <accrete/error.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sanitizer/allocator_interface.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "bindings/python/native/table/concatenate.hpp"
#include "bindings/python/native/table/piece.hpp"
#include "bindings/python/native/table/schema_message.hpp"
#include "support/require.hpp"

namespace {

using namespace accrete;
using namespace accrete::python;

constexpr std::size_t max_elements = 4096;  // of a row that are looked at, for nulls take no bytes
constexpr std::size_t max_rows = 300;       // of a batch, likewise
constexpr std::int64_t max_bare = 65'536;   // elements that no bytes are there for in what is joined, which takes long

/// Since it was last cleared.
struct Allocated {
  std::size_t live = 0;
  std::size_t peak = 0;
};
Allocated allocated;

void count_allocation(const volatile void*, std::size_t size) {
  allocated.live += size;
  allocated.peak = std::max(allocated.peak, allocated.live);
}

void count_release(const volatile void* at) {
  allocated.live -= std::min(allocated.live, __sanitizer_get_allocated_size(at));
}

/// What `work` takes at once of memory stays in proportion to what it works on.
template <typename Work>
auto bounded(std::size_t size, Work work) {
  constexpr std::size_t base = std::size_t{64} << 10;
  constexpr std::size_t times = 64;
  allocated = {};
  const auto check = [size] {
    test::require(allocated.peak <= base + times * size,
                  std::to_string(allocated.peak) + " bytes are in proportion to a value of " + std::to_string(size));
  };
  try {
    auto result = work();
    check();
    return result;
  } catch (const Error&) {
    check();
    throw;
  }
}

enum class Problem { of_a_piece, of_pieces_together };

/// Calls `work`, which may throw these for foreign bytes.
template <typename Work>
std::optional<Problem> problem_of(Work work) {
  try {
    work();
    return std::nullopt;
  } catch (const CorruptionError& error) {
    const bool is_of_their_sum = std::string_view(error.what()).ends_with("no such number of rows");
    return is_of_their_sum ? Problem::of_pieces_together : Problem::of_a_piece;
  } catch (const TypeMismatchError&) {
    return Problem::of_pieces_together;
  } catch (const UnsupportedError&) {
    return Problem::of_a_piece;
  } catch (const TooLargeError&) {
    return Problem::of_a_piece;
  }
}

/// An element, or a row of a table, as bytes: equal ones have the same, whatever widths their offsets and indexes have.
class Element {
 public:
  /// `value` is what holds the array's bytes, if it does not own them itself.
  explicit Element(std::string_view value) : value_(value) {}

  void read(const Field& field, const Array& array, std::uint64_t row) {
    if (elements_left_ == 0) return;
    --elements_left_;
    test::require(row < static_cast<std::uint64_t>(array.length), "an element is one of its array");
    if (array.validity()) look_at(array.validity() + row / 8, 1);
    if (field.layout == Layout::null || is_null(array, row)) {
      text_ += '-';
    } else if (field.dictionary) {
      read(*field.dictionary, *array.dictionary, index_at(field, array, row));
    } else {
      read_value(field, array, row);
    }
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void look_at(const std::byte* bytes, std::size_t size) const {
    if (value_.empty()) return;
    const auto* const at = reinterpret_cast<const char*>(bytes);
    const char* const end = value_.data() + value_.size();
    test::require(at >= value_.data() && at <= end && size <= static_cast<std::size_t>(end - at),
                  "what an array points to lies in the value");
  }

  template <typename T>
  T value_at(const Array& array, std::uint64_t row) const {
    look_at(array.values() + row * sizeof(T), sizeof(T));
    return load<T>(array.values(), row);
  }

  std::uint64_t index_at(const Field& field, const Array& array, std::uint64_t row) const {
    switch (array.index_format != 0 ? array.index_format : field.format.front()) {
      case 'c':
      case 'C':
        return value_at<std::uint8_t>(array, row);
      case 's':
      case 'S':
        return value_at<std::uint16_t>(array, row);
      case 'i':
      case 'I':
        return value_at<std::uint32_t>(array, row);
      default:
        return value_at<std::uint64_t>(array, row);
    }
  }

  template <typename Offset>
  void read_range(const Field& field, const Array& array, std::uint64_t row) {
    const std::int64_t begin = value_at<Offset>(array, row);
    const std::int64_t end = value_at<Offset>(array, row + 1);
    test::require(begin >= 0 && begin <= end, "offsets ascend");
    read_range(field, array, static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end));
  }

  void read_range(const Field& field, const Array& array, std::uint64_t begin, std::uint64_t end) {
    append_le(text_, end - begin);
    if (field.layout == Layout::binary || field.layout == Layout::large_binary) {
      look_at(array.bytes() + begin, end - begin);
      if (end > begin) text_.append(reinterpret_cast<const char*>(array.bytes()) + begin, end - begin);
      return;
    }
    for (std::uint64_t i = begin; i < end && elements_left_ > 0; ++i) {
      read(field.children.front(), array.children.front(), i);
    }
  }

  void read_value(const Field& field, const Array& array, std::uint64_t row) {
    switch (field.layout) {
      case Layout::bits:
        look_at(array.values() + row / 8, 1);
        text_ += bit_at(array.values(), row) ? '1' : '0';
        break;
      case Layout::fixed:
        look_at(array.values() + row * field.width, field.width);
        text_ += bytes_at(field, array, row);
        break;
      case Layout::binary:
      case Layout::list:
        read_range<std::int32_t>(field, array, row);
        break;
      case Layout::large_binary:
      case Layout::large_list:
        read_range<std::int64_t>(field, array, row);
        break;
      case Layout::fixed_list:
        read_range(field, array, row * field.width, (row + 1) * field.width);
        break;
      default:
        test::require(field.layout == Layout::structure && field.children.size() == array.children.size(),
                      "an array is of its field");
        for (std::size_t i = 0; i < field.children.size(); ++i) read(field.children[i], array.children[i], row);
    }
  }

  std::string_view value_;
  std::string text_;
  std::size_t elements_left_ = max_elements;
};

std::string row_of(const Field& table, const Array& rows, std::uint64_t row, std::string_view value = {}) {
  Element element(value);
  element.read(table, rows, row);
  return element.take();
}

std::size_t rows_looked_at(const Array& rows) { return std::min(static_cast<std::size_t>(rows.length), max_rows); }

std::vector<std::string> rows_of(const Field& table, const Array& rows, std::string_view value) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < rows_looked_at(rows); ++i) texts.push_back(row_of(table, rows, i, value));
  return texts;
}

/// The rows and elements for which no bytes are there.
std::int64_t bare_elements(const Field& field, const Array& array) {
  const bool is_bare =
      field.layout == Layout::null || field.layout == Layout::structure || field.layout == Layout::fixed_list;
  std::int64_t count = is_bare ? array.length : 0;
  for (std::size_t i = 0; i < field.children.size(); ++i) count += bare_elements(field.children[i], array.children[i]);
  if (field.dictionary) count += bare_elements(*field.dictionary, *array.dictionary);
  return count;
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  return ByteReader(bytes.substr(std::min(at, bytes.size()))).integer<std::uint32_t>();
}

/// The messages of a piece, up to its end or to what makes no sense.
template <typename Visit>
std::size_t for_each_message(std::string_view piece, Visit visit) {
  constexpr std::size_t prefix_size = 8;
  std::size_t at = 0;
  while (piece.size() - at >= prefix_size) {
    const std::size_t size = number_at(piece, at + 4);
    if (size == 0) return at + prefix_size;
    if (size > piece.size() - at - prefix_size || size % body_alignment != 0) break;
    const std::string_view metadata = piece.substr(at + prefix_size, size);
    flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(metadata.data()), metadata.size());
    if (!ipc::VerifyMessageBuffer(verifier)) break;
    const ipc::Message& message = *ipc::GetMessage(metadata.data());
    visit(message, at);
    at += prefix_size + size;
    const auto body_size = static_cast<std::uint64_t>(message.body_length());
    if (body_size > piece.size() - at || body_size % body_alignment != 0) break;
    at += body_size;
  }
  return piece.size();
}

std::vector<std::string_view> pieces_of(std::string_view value) {
  std::vector<std::string_view> pieces;
  while (!value.empty()) {
    pieces.push_back(value.substr(0, for_each_message(value, [](const ipc::Message&, std::size_t) {})));
    value.remove_prefix(pieces.back().size());
  }
  return pieces;
}

void seal(std::span<char> bytes) {
  constexpr std::size_t checksum_size = 16;
  const std::string_view piece(bytes.data(), bytes.size());
  std::optional<std::size_t> batch_at;
  std::optional<std::size_t> digits_at;
  for_each_message(piece, [&](const ipc::Message& message, std::size_t at) {
    if (message.header_type() == ipc::Header::RecordBatch && !batch_at) batch_at = at;
    if (!message.custom_metadata() || message.header_type() == ipc::Header::Schema) return;
    for (const ipc::KeyValue* const pair : *message.custom_metadata()) {
      if (!pair->key() || !pair->value() || pair->key()->string_view() != checksum_key) continue;
      if (pair->value()->size() == checksum_size)
        digits_at = static_cast<std::size_t>(pair->value()->c_str() - piece.data());
      break;
    }
  });
  if (!batch_at || !digits_at || *digits_at < *batch_at) return;
  const std::uint64_t front = hash64(piece.substr(0, *batch_at));
  const std::uint64_t before = hash64(piece.substr(*batch_at, *digits_at - *batch_at), front);
  std::uint64_t number = hash64(piece.substr(*digits_at + checksum_size), before);
  for (std::size_t i = checksum_size; i-- > 0; number >>= 4U) bytes[*digits_at + i] = "0123456789abcdef"[number & 15U];
}

/// The bytes with the checksums that belong to them, in each piece that has a place for one.
std::string sealed(std::string value) {
  for (const std::string_view piece : pieces_of(value)) {
    seal(std::span(value).subspan(static_cast<std::size_t>(piece.data() - value.data()), piece.size()));
  }
  return value;
}

/// Each piece by a reader of its own gives what one for all has found.
void check_alone(std::string_view value, const PieceReader& together, const std::optional<Problem>& problem) {
  std::size_t batch = 0;
  for (const std::string_view piece : pieces_of(value)) {
    PieceReader alone;
    const std::optional<Problem> problem_alone = problem_of([&] { alone.add(piece); });
    for (const Array& rows : alone.batches()) {
      if (batch == together.batches().size()) break;
      const Array& same_rows = together.batches()[batch++];
      test::require(rows.length == same_rows.length &&
                        rows_of(*alone.schema(), rows, value) == rows_of(*alone.schema(), same_rows, value),
                    "a piece among others has the rows that it has alone");
    }
    if (!problem_alone) continue;
    test::require(problem.has_value(), "what is at fault alone is at fault among others");
    return;
  }
  test::require(problem ? problem == Problem::of_pieces_together : batch == together.batches().size(),
                "what is at fault among others is at fault alone, and batches are those of the pieces");
}

std::optional<Column> joined(const PieceReader& reader, std::size_t size) {
  std::vector<const Array*> batches;
  std::int64_t bare = 0;
  for (const Array& batch : reader.batches()) {
    batches.push_back(&batch);
    bare += bare_elements(*reader.schema(), batch);
    if (bare > max_bare) return std::nullopt;
  }
  std::optional<Column> table;
  problem_of([&] {
    table = bounded(size + static_cast<std::size_t>(bare), [&] { return concatenate(*reader.schema(), batches); });
  });
  return table;
}

void check_joined(const Column& table, const PieceReader& reader, std::string_view value) {
  std::uint64_t begin = 0;
  for (const Array& batch : reader.batches()) {
    for (std::uint64_t i = 0; i < rows_looked_at(batch); ++i) {
      test::require(row_of(table.field, table.array, begin + i) == row_of(*reader.schema(), batch, i, value),
                    "what is joined has the rows of the batches");
    }
    begin += static_cast<std::uint64_t>(batch.length);
  }
  test::require(begin == static_cast<std::uint64_t>(table.array.length), "what is joined has no other rows");
}

void check_again(const Column& table) {
  std::vector<std::uint32_t> even;
  std::vector<std::uint32_t> odd;
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(table.array.length); ++i)
    (i % 2 == 0 ? even : odd).push_back(i);
  const std::vector<Rows> parts{even, odd};
  Arena arena;
  std::vector<std::string_view> pieces;
  std::optional<PieceEncoder> encoder;
  try {
    encoder.emplace(table);
    pieces = encoder->encode_all(parts, arena);
  } catch (const UnsupportedError&) {  // dictionaries in dictionaries
    return;
  }
  PieceReader reader;
  for (const std::string_view piece : pieces) reader.add(piece);
  test::require(difference(encoder->schema(), *reader.schema()).empty(), "what is encoded has its columns");
  for (std::size_t part = 0; part < parts.size(); ++part) {
    const Array& batch = reader.batches()[part];
    for (std::size_t i = 0; i < rows_looked_at(batch); ++i) {
      test::require(row_of(*reader.schema(), batch, i) == row_of(table.field, table.array, parts[part][i]),
                    "what is encoded has its rows");
    }
  }
}

void decode(const std::string& value) {
  PieceReader reader;
  const std::optional<Problem> problem = problem_of([&] {
    bounded(value.size(), [&] {
      reader.add(value);
      return 0;
    });
  });
  check_alone(value, reader, problem);
  if (problem || !reader.schema()) return;
  const std::optional<Column> table = joined(reader, value.size());
  if (!table) return;
  check_joined(*table, reader, value);
  check_again(*table);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  __sanitizer_install_malloc_and_free_hooks(count_allocation, count_release);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string value(reinterpret_cast<const char*>(data), size);
  decode(value);
  std::string sealed_value = sealed(value);
  if (sealed_value != value) decode(sealed_value);
  return 0;
}
