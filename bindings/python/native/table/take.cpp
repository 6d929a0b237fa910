#include "take.hpp"

#include <bit>
#include <cstring>
#include <limits>

#include "base/bytes.hpp"

namespace accrete::python {
namespace {

struct Range {
  std::int64_t begin;
  std::int64_t end;
};

template <typename Offset>
Range range_at(const Array& array, std::uint64_t row) noexcept {
  const std::uint64_t at = static_cast<std::uint64_t>(array.offset) + row;
  return {load<Offset>(array.values(), at), load<Offset>(array.values(), at + 1)};
}

std::string_view bytes_of_range(const Array& array, Range range) noexcept {
  return {reinterpret_cast<const char*>(array.bytes()) + range.begin,
          static_cast<std::size_t>(range.end - range.begin)};
}

/// https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
std::string_view bytes_of_view(const Array& array, std::uint64_t row) noexcept {
  constexpr std::size_t view_size = 16;
  constexpr std::size_t max_inline = 12;
  const std::byte* const view = array.values() + (static_cast<std::uint64_t>(array.offset) + row) * view_size;
  const auto size = load<std::uint32_t>(view, 0);
  if (size <= max_inline) return {reinterpret_cast<const char*>(view) + sizeof size, size};
  const std::byte* const from = array.views[load<std::uint32_t>(view, 2)] + load<std::uint32_t>(view, 3);
  return {reinterpret_cast<const char*>(from), size};
}

/// The pointers of an array in a place of their own: what is written meanwhile cannot be taken to change them.
template <typename Offset>
class Elements {
 public:
  explicit Elements(const Array& array)
      : validity_(array.validity()),
        values_(array.values()),
        bytes_(array.bytes()),
        offset_(static_cast<std::uint64_t>(array.offset)) {}

  /// Nothing for a null.
  [[nodiscard]] std::string_view at(std::uint32_t row) const noexcept {
    const std::uint64_t index = offset_ + row;
    if (validity_ && !bit_at(validity_, index)) return {};
    const auto begin = load<Offset>(values_, index);
    const auto end = load<Offset>(values_, index + 1);
    return {reinterpret_cast<const char*>(bytes_) + begin, static_cast<std::size_t>(end - begin)};
  }

 private:
  const std::byte* validity_;
  const std::byte* values_;
  const std::byte* bytes_;
  std::uint64_t offset_;
};

template <typename Visit>
void for_each_bytes(const Field& field, const Array& array, Rows rows, Visit visit) {
  if (field.layout == Layout::binary) {
    const Elements<std::int32_t> elements(array);
    for (const std::uint32_t row : rows) visit(elements.at(row));
  } else if (field.layout == Layout::large_binary) {
    const Elements<std::int64_t> elements(array);
    for (const std::uint32_t row : rows) visit(elements.at(row));
  } else {
    for (const std::uint32_t row : rows) visit(is_null(array, row) ? std::string_view() : bytes_of_view(array, row));
  }
}

Range list_range(const Field& field, const Array& array, std::uint64_t row) noexcept {
  if (field.layout == Layout::fixed_list) {
    const auto width = static_cast<std::int64_t>(field.width);
    const std::int64_t begin = (array.offset + static_cast<std::int64_t>(row)) * width;
    return {begin, begin + width};
  }
  if (is_null(array, row)) return {0, 0};
  return field.layout == Layout::list ? range_at<std::int32_t>(array, row) : range_at<std::int64_t>(array, row);
}

bool has_offsets(const Field& field) noexcept {
  return field.layout != Layout::fixed_list && field.layout != Layout::structure;
}

/// The elements that the lists in these rows hold.
std::vector<std::uint32_t> rows_in_lists(const Field& field, const Array& array, Rows rows) {
  std::vector<std::uint32_t> elements;
  for (const std::uint32_t row : rows) {
    const Range range = list_range(field, array, row);
    if (range.end > std::numeric_limits<std::uint32_t>::max()) {
      throw TooLargeError("column '" + field.name + "' has more than 2^32 elements in its lists: scatter fewer rows");
    }
    for (std::int64_t i = range.begin; i < range.end; ++i) elements.push_back(static_cast<std::uint32_t>(i));
  }
  return elements;
}

void check_offsets(const Field& field, std::size_t bytes) {
  if (stored_offset_size(field) == sizeof(std::int32_t) && bytes > std::numeric_limits<std::int32_t>::max()) {
    throw OffsetsTooLargeError("column '" + field.name + "' has more than 2 GiB in one row");
  }
}

template <typename T>
void take_elements(const std::byte* from, Rows rows, std::byte* to) noexcept {
  for (const std::uint32_t row : rows) {
    std::memcpy(to, from + std::size_t{row} * sizeof(T), sizeof(T));
    to += sizeof(T);
  }
}

void take_fixed(const Field& field, const Array& array, Rows rows, std::byte* to) noexcept {
  const std::byte* const from = array.values() + static_cast<std::size_t>(array.offset) * field.width;
  switch (field.width) {
    case 1:
      return take_elements<std::uint8_t>(from, rows, to);
    case 2:
      return take_elements<std::uint16_t>(from, rows, to);
    case 4:
      return take_elements<std::uint32_t>(from, rows, to);
    case 8:
      return take_elements<std::uint64_t>(from, rows, to);
    default:
      break;
  }
  for (const std::uint32_t row : rows) {
    std::memcpy(to, from + row * field.width, field.width);
    to += field.width;
  }
}

void take_bits(const std::byte* bits, std::int64_t offset, Rows rows, std::byte* to) noexcept {
  std::memset(to, 0, (rows.size() + 7) / 8);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool bit = bit_at(bits, static_cast<std::uint64_t>(offset) + rows[i]);
    to[i >> 3U] |= static_cast<std::byte>(static_cast<unsigned>(bit) << (i & 7U));
  }
}

template <typename Word>
void copy_ends(const char* from, std::size_t size, std::byte* to) noexcept {
  std::memcpy(to, from, sizeof(Word));
  std::memcpy(to + size - sizeof(Word), from + size - sizeof(Word), sizeof(Word));
}

/// As memcpy, of which the call alone costs more than what most strings need.
void copy_short(std::string_view from, std::byte* to) noexcept {
  const std::size_t size = from.size();
  if (size > 16) {
    std::memcpy(to, from.data(), size);
  } else if (size >= sizeof(std::uint64_t)) {
    copy_ends<std::uint64_t>(from.data(), size, to);
  } else if (size >= sizeof(std::uint32_t)) {
    copy_ends<std::uint32_t>(from.data(), size, to);
  } else if (size >= sizeof(std::uint16_t)) {
    copy_ends<std::uint16_t>(from.data(), size, to);
  } else if (size == 1) {
    *to = static_cast<std::byte>(from.front());
  }
}

template <typename Offset>
void take_binary(const Field& field, const Array& array, Rows rows, std::byte* offsets, std::byte* bytes) {
  Offset end = 0;
  std::memcpy(offsets, &end, sizeof end);
  for_each_bytes(field, array, rows, [=](std::string_view element) mutable {
    copy_short(element, bytes + end);
    end = static_cast<Offset>(end + static_cast<Offset>(element.size()));
    offsets += sizeof end;
    std::memcpy(offsets, &end, sizeof end);
  });
}

template <typename Offset>
void take_list_offsets(const Field& field, const Array& array, Rows rows, std::byte* to) noexcept {
  Offset end = 0;
  std::memcpy(to, &end, sizeof end);
  for (const std::uint32_t row : rows) {
    const Range range = list_range(field, array, row);
    end = static_cast<Offset>(end + static_cast<Offset>(range.end - range.begin));
    to += sizeof end;
    std::memcpy(to, &end, sizeof end);
  }
}

template <typename Visit>
void for_each_of_rows(const Field& field, const Array& array, std::size_t rows, Visit visit) {
  const auto visit_all = [&](const auto elements) {
    for (std::size_t row = 0; row < rows; ++row) visit(row, elements.at(static_cast<std::uint32_t>(row)));
  };
  if (field.layout == Layout::binary) return visit_all(Elements<std::int32_t>(array));
  if (field.layout == Layout::large_binary) return visit_all(Elements<std::int64_t>(array));
  for (std::size_t row = 0; row < rows; ++row) {
    visit(row, is_null(array, row) ? std::string_view() : bytes_of_view(array, row));
  }
}

template <typename T>
void distribute_elements(const Array& array, PieceOfRow piece_of_row, std::vector<Places>& places) noexcept {
  const std::byte* from = array.values() + static_cast<std::size_t>(array.offset) * sizeof(T);
  Places* const to = places.data();
  for (const std::uint32_t piece : piece_of_row) {
    std::memcpy(to[piece].values, from, sizeof(T));
    to[piece].values += sizeof(T);
    from += sizeof(T);
  }
}

template <typename Offset>
void distribute_binary(const Field& field, const Array& array, PieceOfRow piece_of_row, std::vector<Places>& places) {
  std::vector<Offset> ends(places.size());
  for (Places& place : places) {
    std::memset(place.values, 0, sizeof(Offset));
    place.values += sizeof(Offset);
  }
  for_each_of_rows(field, array, piece_of_row.size(),
                   [&, to = places.data(), end = ends.data()](std::size_t row, std::string_view element) {
                     const std::uint32_t piece = piece_of_row[row];
                     copy_short(element, to[piece].bytes + end[piece]);
                     end[piece] = static_cast<Offset>(end[piece] + static_cast<Offset>(element.size()));
                     std::memcpy(to[piece].values, &end[piece], sizeof(Offset));
                     to[piece].values += sizeof(Offset);
                   });
}

bool is_binary(Layout layout) noexcept {
  return layout == Layout::binary || layout == Layout::large_binary || layout == Layout::binary_view;
}

}  // namespace

std::string_view bytes_at(const Field& field, const Array& array, std::uint64_t row) noexcept {
  switch (field.layout) {
    case Layout::binary:
      return bytes_of_range(array, range_at<std::int32_t>(array, row));
    case Layout::large_binary:
      return bytes_of_range(array, range_at<std::int64_t>(array, row));
    case Layout::binary_view:
      return bytes_of_view(array, row);
    default:
      return {reinterpret_cast<const char*>(array.values()) +
                  (static_cast<std::uint64_t>(array.offset) + row) * field.width,
              field.width};
  }
}

void append_value(std::string& to, const Field& field, const Array& array, std::uint64_t row) {
  const bool is_one = field.layout != Layout::null && !is_null(array, row);
  to.push_back(is_one ? '\1' : '\0');
  if (!is_one) return;
  if (field.layout == Layout::bits) {
    to.push_back(bit_at(array.values(), static_cast<std::uint64_t>(array.offset) + row) ? '\1' : '\0');
  } else if (field.layout == Layout::fixed || is_binary(field.layout)) {
    const std::string_view bytes = bytes_at(field, array, row);
    append_le(to, std::uint64_t{bytes.size()});
    to += bytes;
  } else if (field.layout == Layout::structure) {
    for (std::size_t i = 0; i < field.children.size(); ++i) append_value(to, field.children[i], array.children[i], row);
  } else {
    const Range range = list_range(field, array, row);
    append_le(to, static_cast<std::uint64_t>(range.end - range.begin));
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      append_value(to, field.children.front(), array.children.front(), static_cast<std::uint64_t>(i));
    }
  }
}

bool can_distribute(const Field& field) noexcept {
  if (field.layout == Layout::fixed) return std::has_single_bit(field.width) && field.width <= sizeof(std::uint64_t);
  return is_binary(field.layout);
}

std::vector<std::size_t> bytes_of_pieces(const Field& field, const Array& array, PieceOfRow piece_of_row,
                                         std::size_t pieces) {
  std::vector<std::size_t> bytes(pieces);
  for_each_of_rows(
      field, array, piece_of_row.size(),
      [&, to = bytes.data()](std::size_t row, std::string_view element) { to[piece_of_row[row]] += element.size(); });
  return bytes;
}

void distribute(const Field& field, const Array& array, PieceOfRow piece_of_row, std::vector<Places>& places) {
  switch (field.layout == Layout::fixed ? field.width : 0) {
    case 1:
      return distribute_elements<std::uint8_t>(array, piece_of_row, places);
    case 2:
      return distribute_elements<std::uint16_t>(array, piece_of_row, places);
    case 4:
      return distribute_elements<std::uint32_t>(array, piece_of_row, places);
    case 8:
      return distribute_elements<std::uint64_t>(array, piece_of_row, places);
    default:
      break;
  }
  if (stored_offset_size(field) == sizeof(std::int32_t)) {
    distribute_binary<std::int32_t>(field, array, piece_of_row, places);
  } else {
    distribute_binary<std::int64_t>(field, array, piece_of_row, places);
  }
}

void Taking::add_buffer(std::size_t size) {
  buffers_.push_back({static_cast<std::int64_t>(body_size_), static_cast<std::int64_t>(size)});
  body_size_ += padded(size);
}

void Taking::measure(const Field& field, const Array& array, Rows rows, std::optional<std::size_t> known_bytes) {
  const std::size_t count = rows.size();
  std::size_t nulls = 0;
  if (field.layout == Layout::null) nulls = count;
  if (array.validity()) {
    for (const std::uint32_t row : rows) nulls += is_null(array, row) ? 1 : 0;
  }
  nodes_.push_back({static_cast<std::int64_t>(count), static_cast<std::int64_t>(nulls)});
  if (field.layout == Layout::null) return;
  add_buffer(nulls > 0 ? (count + 7) / 8 : 0);
  if (field.layout == Layout::bits) return add_buffer((count + 7) / 8);
  if (field.layout == Layout::fixed) return add_buffer(count * field.width);
  if (!is_binary(field.layout)) return measure_children(field, array, rows);
  std::size_t bytes = known_bytes.value_or(0);
  if (!known_bytes) for_each_bytes(field, array, rows, [&bytes](std::string_view element) { bytes += element.size(); });
  check_offsets(field, bytes);
  add_buffer((count + 1) * stored_offset_size(field));
  add_buffer(bytes);
}

void Taking::measure_children(const Field& field, const Array& array, Rows rows) {
  if (field.layout != Layout::structure) {
    if (has_offsets(field)) add_buffer((rows.size() + 1) * stored_offset_size(field));
    rows = rows_of_children_.emplace_back(rows_in_lists(field, array, rows));
    check_offsets(field, rows.size());
  }
  for (std::size_t i = 0; i < field.children.size(); ++i) measure(field.children[i], array.children[i], rows);
}

std::byte* Taking::next_buffer(std::byte* body) {
  const BufferPlace place = buffers_[next_buffer_++];
  const auto size = static_cast<std::size_t>(place.size);
  std::byte* const buffer = body + place.offset;
  std::memset(buffer + size, 0, padded(size) - size);
  return buffer;
}

void Taking::fill_validity(const Array& array, Rows rows, std::byte* body) {
  const bool has_nulls = nodes_[next_node_++].null_count > 0;
  std::byte* const validity = next_buffer(body);
  if (has_nulls) take_bits(array.validity(), array.offset, rows, validity);
}

void Taking::fill(const Field& field, const Array& array, Rows rows, std::byte* body) {
  if (field.layout == Layout::null) {
    ++next_node_;
    return;
  }
  fill_validity(array, rows, body);
  if (field.layout == Layout::bits) return take_bits(array.values(), array.offset, rows, next_buffer(body));
  if (field.layout == Layout::fixed) return take_fixed(field, array, rows, next_buffer(body));
  if (!is_binary(field.layout)) return fill_children(field, array, rows, body);
  std::byte* const offsets = next_buffer(body);
  std::byte* const bytes = next_buffer(body);
  if (stored_offset_size(field) == sizeof(std::int32_t)) {
    take_binary<std::int32_t>(field, array, rows, offsets, bytes);
  } else {
    take_binary<std::int64_t>(field, array, rows, offsets, bytes);
  }
}

Places Taking::fill_validity_of(const Field& field, const Array& array, Rows rows, std::byte* body) {
  fill_validity(array, rows, body);
  std::byte* const values = next_buffer(body);
  return {values, is_binary(field.layout) ? next_buffer(body) : nullptr};
}

void Taking::fill_children(const Field& field, const Array& array, Rows rows, std::byte* body) {
  if (has_offsets(field) && stored_offset_size(field) == sizeof(std::int32_t)) {
    take_list_offsets<std::int32_t>(field, array, rows, next_buffer(body));
  } else if (has_offsets(field)) {
    take_list_offsets<std::int64_t>(field, array, rows, next_buffer(body));
  }
  if (field.layout != Layout::structure) rows = rows_of_children_[next_rows_++];
  for (std::size_t i = 0; i < field.children.size(); ++i) fill(field.children[i], array.children[i], rows, body);
}

}  // namespace accrete::python
