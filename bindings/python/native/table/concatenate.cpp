#include "concatenate.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <cstring>
#include <deque>
#include <limits>

#include "base/bytes.hpp"
#include "base/interruptible_work.hpp"
#include "interner.hpp"
#include "take.hpp"

namespace accrete::python {
namespace {

using Arrays = std::span<const Array* const>;

template <typename T>
void store(std::byte* to, std::size_t index, T value) noexcept {
  std::memcpy(to + index * sizeof(T), &value, sizeof value);
}

/// Writes bits one after the other. What lies behind the last byte is not touched.
class BitWriter {
 public:
  explicit BitWriter(std::byte* to) : to_(to) {}

  void append(const std::byte* bits, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; i += 8)
      append_byte(std::to_integer<unsigned>(bits[i / 8]), std::min<std::size_t>(8, count - i));
  }

  void append_ones(std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; i += 8) append_byte(0xFF, std::min<std::size_t>(8, count - i));
  }

 private:
  void append_byte(unsigned bits, std::size_t count) noexcept {
    bits &= (1U << count) - 1;
    const std::size_t used = written_ % 8;
    std::byte* const at = to_ + written_ / 8;
    if (used == 0) {
      at[0] = static_cast<std::byte>(bits);
    } else {
      at[0] |= static_cast<std::byte>(bits << used);
      if (used + count > 8) at[1] = static_cast<std::byte>(bits >> (8 - used));
    }
    written_ += count;
  }

  std::byte* to_;
  std::size_t written_ = 0;
};

std::size_t length_of(const Array& array) noexcept { return static_cast<std::size_t>(array.length); }

void join_validity(Array& joined, Arrays arrays) {
  for (const Array* const array : arrays) joined.null_count += array->null_count;
  if (joined.null_count == 0) return;
  const auto to = allocate((length_of(joined) + 7) / 8);
  BitWriter writer(to.get());
  for (const Array* const array : arrays) {
    if (array->validity()) {
      writer.append(array->validity(), length_of(*array));
    } else {
      writer.append_ones(length_of(*array));
    }
  }
  joined.buffers[0] = to;
}

void join_bits(Array& joined, Arrays arrays) {
  const auto to = allocate((length_of(joined) + 7) / 8);
  BitWriter writer(to.get());
  for (const Array* const array : arrays) writer.append(array->values(), length_of(*array));
  joined.buffers[1] = to;
}

void copy(InterruptibleWork& work, const std::byte* from, std::size_t size, std::byte* to) {
  if (size > 0) work.copy(as_string_view({from, size}), reinterpret_cast<char*>(to));
}

void join_fixed(Array& joined, std::size_t width, Arrays arrays) {
  const auto to = allocate(length_of(joined) * width);
  std::byte* at = to.get();
  InterruptibleWork work;
  for (const Array* const array : arrays) {
    const std::size_t size = length_of(*array) * width;
    copy(work, array->values(), size, at);
    at += size;
  }
  joined.buffers[1] = to;
}

/// Where an array's bytes or elements begin and end in its child.
struct Range {
  std::size_t begin;
  std::size_t end;
};

template <typename Offset>
Range range_of(const Array& array) noexcept {
  return {static_cast<std::size_t>(load<Offset>(array.values(), 0)),
          static_cast<std::size_t>(load<Offset>(array.values(), length_of(array)))};
}

Range range_of(const Field& field, const Array& array) noexcept {
  return offset_size(field.layout) == sizeof(std::int32_t) ? range_of<std::int32_t>(array)
                                                           : range_of<std::int64_t>(array);
}

/// Of From offsets, of which each array's count from its own first.
template <typename From, typename To>
void join_offsets(std::byte* to, Arrays arrays) noexcept {
  To end = 0;
  store(to, 0, end);
  std::size_t at = 1;
  for (const Array* const array : arrays) {
    const auto shift = static_cast<To>(end - static_cast<To>(load<From>(array->values(), 0)));
    for (std::size_t i = 1; i <= length_of(*array); ++i) {
      end = static_cast<To>(static_cast<To>(load<From>(array->values(), i)) + shift);
      store(to, at++, end);
    }
  }
}

void widen_offsets(Field& field) {
  if (field.format == "u") return set_format(field, "U");
  if (field.format == "z") return set_format(field, "Z");
  if (field.format == "+l") return set_format(field, "+L");
  throw TooLargeError("column '" + field.name + "' has more than 2^31 entries in its maps: gather fewer keys");
}

/// Becomes the type with 64-bit offsets if `size` bytes or elements need them.
void join_offsets(Column& joined, std::size_t size, Arrays arrays) {
  Field& field = joined.field;
  const bool is_small = offset_size(field.layout) == sizeof(std::int32_t);
  const bool grows = is_small && size > std::numeric_limits<std::int32_t>::max();
  if (grows) widen_offsets(field);
  const auto to = allocate((length_of(joined.array) + 1) * offset_size(field.layout));
  if (!is_small) {
    join_offsets<std::int64_t, std::int64_t>(to.get(), arrays);
  } else if (grows) {
    join_offsets<std::int32_t, std::int64_t>(to.get(), arrays);
  } else {
    join_offsets<std::int32_t, std::int32_t>(to.get(), arrays);
  }
  joined.array.buffers[1] = to;
}

void join_binary(Column& joined, Arrays arrays) {
  const Field field = joined.field;
  std::size_t size = 0;
  for (const Array* const array : arrays) {
    const Range range = range_of(field, *array);
    size += range.end - range.begin;
  }
  join_offsets(joined, size, arrays);
  const auto to = allocate(size);
  std::byte* at = to.get();
  InterruptibleWork work;
  for (const Array* const array : arrays) {
    const Range range = range_of(field, *array);
    if (range.end > range.begin) copy(work, array->bytes() + range.begin, range.end - range.begin, at);
    at += range.end - range.begin;
  }
  joined.array.buffers[2] = to;
}

bool is_whole(const Array& array, Range range) noexcept { return range.begin == 0 && range.end == length_of(array); }

void join_children(Column& joined, Arrays arrays) {
  const Field field = joined.field;
  const bool is_list = field.layout == Layout::list || field.layout == Layout::large_list;
  if (is_list) {
    std::size_t size = 0;
    for (const Array* const array : arrays) {
      const Range range = range_of(field, *array);
      if (!is_whole(array->children.front(), range)) {
        throw UnsupportedError("column '" + field.name + "' has elements that no list holds");
      }
      size += range.end;
    }
    join_offsets(joined, size, arrays);
  }
  for (std::size_t i = 0; i < field.children.size(); ++i) {
    std::vector<const Array*> children;
    for (const Array* const array : arrays) children.push_back(&array->children[i]);
    Column child = concatenate(field.children[i], children);
    joined.field.children[i] = std::move(child.field);
    joined.array.children.push_back(std::move(child.array));
  }
}

bool has_plain_values(const Field& field) noexcept {
  return field.layout == Layout::binary || field.layout == Layout::large_binary ||
         (field.layout == Layout::fixed && !field.dictionary);
}

using Numbers = std::vector<std::uint32_t>;

Array array_of(const Field& field, const Memory& body, const NodeCounts*& node, const BufferPlace*& place) {
  Array array{.length = node->length, .null_count = node->null_count};
  ++node;
  for (std::size_t i = 0; i < buffers_of(field.layout); ++i) {
    array.buffers[i] = {body, body.get() + place->offset};
    ++place;
  }
  if (array.null_count == 0) array.buffers[0] = nullptr;
  for (const Field& child : field.children) array.children.push_back(array_of(child, body, node, place));
  return array;
}

/// These rows of an array, as an array.
Array taken(const Field& field, const Array& array, Rows rows) {
  Taking taking;
  taking.measure(field, array, rows);
  const auto body = allocate(taking.body_size());
  taking.fill(field, array, rows, body.get());
  const NodeCounts* node = taking.nodes().data();
  const BufferPlace* place = taking.buffers().data();
  return array_of(field, body, node, place);
}

/// One dictionary of all values, and for each array what its indexes become.
class UnifiedDictionary {
 public:
  explicit UnifiedDictionary(const Field& values) : values_(values) {}

  const Numbers& add(const std::shared_ptr<const Array>& dictionary) {
    for (const auto& [known, numbers] : known_) {
      if (known == dictionary) return numbers;
    }
    std::string& bytes = bytes_.emplace_back();
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i < length_of(*dictionary); ++i) {
      append_value(bytes, values_, *dictionary, i);
      ends.push_back(bytes.size());
    }
    Numbers numbers;
    Numbers new_rows;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      const std::size_t known = table_.values().size();
      numbers.push_back(table_.number_of(std::string_view(bytes).substr(begin, ends[i] - begin)));
      if (numbers.back() == known) new_rows.push_back(static_cast<std::uint32_t>(i));
      begin = ends[i];
    }
    if (!new_rows.empty()) parts_.push_back(taken(values_, *dictionary, new_rows));
    return known_.emplace_back(dictionary, std::move(numbers)).second;
  }

  [[nodiscard]] Column values() const {
    std::vector<const Array*> parts;
    for (const Array& part : parts_) parts.push_back(&part);
    return concatenate(values_, parts);
  }

 private:
  const Field& values_;
  Interner<std::string_view> table_;
  std::deque<std::string> bytes_;  // of the values in the table
  std::vector<Array> parts_;       // the values in the order of their numbers
  std::deque<std::pair<std::shared_ptr<const Array>, Numbers>> known_;
};

template <typename Index, typename Renumbered>
void renumber_from(const Array& array, Renumbered renumbered, std::byte* to) noexcept {
  for (std::size_t i = 0; i < length_of(array); ++i) {
    const bool is_one = !is_null(array, i);
    store(to, i, is_one ? renumbered(static_cast<std::size_t>(load<Index>(array.values(), i))) : std::uint32_t{0});
  }
}

/// To 32-bit indexes, whatever they were: none is negative.
template <typename Renumbered>
void renumber(const Array& array, Renumbered renumbered, std::byte* to) noexcept {
  switch (array.index_format) {
    case 'c':
    case 'C':
      return renumber_from<std::uint8_t>(array, renumbered, to);
    case 's':
    case 'S':
      return renumber_from<std::uint16_t>(array, renumbered, to);
    case 'i':
    case 'I':
      return renumber_from<std::uint32_t>(array, renumbered, to);
    default:
      return renumber_from<std::uint64_t>(array, renumbered, to);
  }
}

void own_dictionary(Column& joined, Column values) {
  joined.field.dictionary = std::make_shared<const Field>(std::move(values.field));
  joined.array.dictionary = std::make_shared<const Array>(std::move(values.array));
}

/// The one that all of them have, but for empty ones, whose rows are all null; nullptr if they differ.
std::shared_ptr<const Array> common_dictionary(const Field& values, Arrays arrays) {
  const auto has_values = [](const Array* array) { return array->dictionary->length > 0; };
  const auto first = std::find_if(arrays.begin(), arrays.end(), has_values);
  const std::shared_ptr<const Array> common = (first == arrays.end() ? arrays.front() : *first)->dictionary;
  const bool is_common = std::all_of(arrays.begin(), arrays.end(), [&](const Array* array) {
    return array->dictionary == common || !has_values(array) ||
           have_equal_values({values, *array->dictionary}, {values, *common});
  });
  return is_common ? common : nullptr;
}

void join_dictionary(Column& joined, Arrays arrays) {
  const Field values = *joined.field.dictionary;
  const std::shared_ptr<const Array> common = common_dictionary(values, arrays);
  if (!common && joined.field.is_ordered) {
    throw TypeMismatchError("column '" + joined.field.name +
                            "' has ordered categories that differ from piece to piece");
  }
  if (!common && holds_a_dictionary(values)) {
    throw UnsupportedError("column '" + joined.field.name + "' has different dictionaries with dictionaries in them");
  }
  const bool has_one_format = std::all_of(arrays.begin(), arrays.end(), [&](const Array* array) {
    return array->index_format == joined.field.format.front();
  });
  if (common) own_dictionary(joined, concatenate(values, std::array{common.get()}));
  if (common && has_one_format) return join_fixed(joined.array, joined.field.width, arrays);
  UnifiedDictionary unified(values);
  const auto to = allocate(length_of(joined.array) * sizeof(std::uint32_t));
  std::byte* at = to.get();
  for (const Array* const array : arrays) {
    if (common) {
      renumber(
          *array, [](std::size_t index) { return static_cast<std::uint32_t>(index); }, at);
    } else {
      renumber(
          *array, [&numbers = unified.add(array->dictionary)](std::size_t index) { return numbers[index]; }, at);
    }
    at += length_of(*array) * sizeof(std::uint32_t);
  }
  if (!common) own_dictionary(joined, unified.values());
  if (joined.array.dictionary->length > std::numeric_limits<std::int32_t>::max()) {
    throw TooLargeError("column '" + joined.field.name + "' has more than 2^31 categories");
  }
  joined.array.buffers[1] = to;
  set_format(joined.field, "i");
}

Array empty_array(const Field& field) {
  static constexpr std::array<std::byte, sizeof(std::int64_t)> zero{};
  Array array;
  array.buffers[1] = {Memory{}, zero.data()};
  for (const Field& child : field.children) array.children.push_back(empty_array(child));
  if (field.dictionary) {
    array.dictionary = std::make_shared<const Array>(empty_array(*field.dictionary));
    array.index_format = field.format.front();
  }
  return array;
}

}  // namespace

bool have_equal_values(Typed one, Typed other) {
  if (one.array.length != other.array.length) return false;
  if (holds_a_dictionary(one.field) || holds_a_dictionary(other.field)) return false;
  const bool are_plain = has_plain_values(one.field);
  std::string value_of_one;
  std::string value_of_other;
  for (std::size_t i = 0; i < length_of(one.array); ++i) {
    if (are_plain && !is_null(one.array, i) && !is_null(other.array, i)) {
      if (bytes_at(one.field, one.array, i) != bytes_at(other.field, other.array, i)) return false;
      continue;
    }
    value_of_one.clear();
    value_of_other.clear();
    append_value(value_of_one, one.field, one.array, i);
    append_value(value_of_other, other.field, other.array, i);
    if (value_of_one != value_of_other) return false;
  }
  return true;
}

Column concatenate(const Field& field, std::span<const Array* const> arrays) {
  if (arrays.empty()) {
    const Array none = empty_array(field);
    const Array* const only = &none;
    return concatenate(field, {&only, 1});
  }
  Column joined{field, {}};
  for (const Array* const array : arrays) joined.array.length += array->length;
  if (field.layout == Layout::null) {
    joined.array.null_count = joined.array.length;
    return joined;
  }
  join_validity(joined.array, arrays);
  switch (field.layout) {
    case Layout::bits:
      join_bits(joined.array, arrays);
      break;
    case Layout::binary:
    case Layout::large_binary:
      join_binary(joined, arrays);
      break;
    case Layout::fixed:
      if (field.dictionary) {
        join_dictionary(joined, arrays);
      } else {
        join_fixed(joined.array, field.width, arrays);
      }
      break;
    default:
      join_children(joined, arrays);
  }
  return joined;
}

}  // namespace accrete::python
