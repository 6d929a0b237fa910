#include "field.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

namespace accrete::python {
namespace {

constexpr std::align_val_t memory_alignment{64};  // bytes: what Arrow recommends

std::size_t number_in(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > 0x7FFFFFFF) return 0;
  return number;
}

/// Where the width of a decimal begins, "d:PRECISION,SCALE[,BITS]"; npos if it does not say, and has 128 bits.
std::size_t find_decimal_bits(std::string_view format) noexcept {
  const std::size_t first = format.find(',');
  return first == std::string_view::npos ? first : format.find(',', first + 1);
}

std::size_t decimal_width(std::string_view format) {
  const std::size_t at = find_decimal_bits(format);
  return at == std::string_view::npos ? 16 : number_in(format.substr(at + 1)) / 8;
}

/// One of those that mean the same: some say how wide a decimal is though it has the usual width.
std::string_view usual_form(std::string_view format) noexcept {
  const std::size_t at = format.starts_with("d:") ? find_decimal_bits(format) : std::string_view::npos;
  return at != std::string_view::npos && format.substr(at) == ",128" ? format.substr(0, at) : format;
}

std::size_t fixed_width(std::string_view format) {
  constexpr std::string_view ones = "cC";
  constexpr std::string_view twos = "sSe";
  constexpr std::string_view fours = "iIf";
  constexpr std::string_view eights = "lLg";
  if (format.size() == 1) {
    const char kind = format.front();
    if (ones.find(kind) != std::string_view::npos) return 1;
    if (twos.find(kind) != std::string_view::npos) return 2;
    if (fours.find(kind) != std::string_view::npos) return 4;
    return eights.find(kind) != std::string_view::npos ? 8 : 0;
  }
  if (format.starts_with("w:")) return number_in(format.substr(2));
  if (format.starts_with("d:")) return decimal_width(format);
  if (format == "tdD" || format == "tts" || format == "ttm" || format == "tiM") return 4;
  if (format == "tin") return 16;
  const bool is_time = format.size() >= 3 && format.front() == 't' &&
                       std::string_view("dtDi").find(format[1]) != std::string_view::npos && format.size() == 3;
  const bool is_timestamp = format.size() >= 4 && format.starts_with("ts") && format[3] == ':';
  return is_time || is_timestamp ? 8 : 0;
}

Layout layout_of(std::string_view format) {
  if (format == "n") return Layout::null;
  if (format == "b") return Layout::bits;
  if (format == "z" || format == "u") return Layout::binary;
  if (format == "Z" || format == "U") return Layout::large_binary;
  if (format == "vz" || format == "vu") return Layout::binary_view;
  if (format == "+l" || format == "+m") return Layout::list;
  if (format == "+L") return Layout::large_list;
  if (format == "+s") return Layout::structure;
  if (format.starts_with("+w:")) return Layout::fixed_list;
  return Layout::fixed;
}

/// Types that differ in how wide their offsets are, or whether they have any.
struct TypesOfElements {
  std::string_view small;
  std::string_view large;
  std::string_view view;

  [[nodiscard]] bool has(std::string_view format) const noexcept {
    return format == small || format == large || (format == view && !view.empty());
  }
};
constexpr std::array types_of_elements{TypesOfElements{"u", "U", "vu"}, TypesOfElements{"z", "Z", "vz"},
                                       TypesOfElements{"+l", "+L", ""}};

/// nullptr if there is only one such type.
const TypesOfElements* find_types_of_elements(std::string_view format) noexcept {
  const auto* const found = std::find_if(types_of_elements.begin(), types_of_elements.end(),
                                         [&](const auto& each) { return each.has(format); });
  return found == types_of_elements.end() ? nullptr : found;
}

Field stored_form(const Field& field, std::int64_t& next_id) {
  Field stored = field;
  if (const TypesOfElements* const types = find_types_of_elements(field.format)) {
    set_format(stored, stored_offset_size(field) == sizeof(std::int32_t) ? types->small : types->large);
  }
  stored.stored_offsets = StoredOffsets::as_given;
  for (std::size_t i = 0; i < field.children.size(); ++i) stored.children[i] = stored_form(field.children[i], next_id);
  if (field.dictionary) {
    if (holds_a_dictionary(*field.dictionary)) {
      throw UnsupportedError("column '" + field.name + "' has a dictionary in a dictionary, which tables cannot hold");
    }
    stored.dictionary_id = next_id++;
    stored.dictionary = std::make_shared<const Field>(stored_form(*field.dictionary, next_id));
  }
  return stored;
}

/// Of metadata that say what the values are.
constexpr std::array type_keys{pickle_key, std::string_view("accrete.sparse"), std::string_view("ARROW:extension:name"),
                               std::string_view("ARROW:extension:metadata")};

std::string describe(const Field& field) {
  std::string type = field.dictionary ? "dictionary of " + describe(*field.dictionary) : "'" + field.format + "'";
  for (const std::string_view key : type_keys) {
    if (const std::string_view value = metadata_of(field, key); !value.empty()) {
      type.append(" with ").append(key).append(" ").append(value);
    }
  }
  return type;
}

bool is_same_type(const Field& stored, const Field& given) {
  if (!stored.dictionary != !given.dictionary) return false;
  const bool has_type_of_given = std::all_of(type_keys.begin(), type_keys.end(), [&](std::string_view key) {
    return metadata_of(stored, key) == metadata_of(given, key);
  });
  if (!has_type_of_given) return false;
  if (!stored.dictionary) return stored.format == given.format;
  return stored.is_ordered == given.is_ordered && is_same_type(*stored.dictionary, *given.dictionary);
}

std::string difference_of_children(const Field& stored, const Field& given, const std::string& path) {
  const auto named = [](const Field& field) { return "'" + field.name + "'"; };
  for (std::size_t i = 0; i < std::max(stored.children.size(), given.children.size()); ++i) {
    if (i >= given.children.size()) return "column " + named(stored.children[i]) + path + " is missing";
    if (i >= stored.children.size()) return "column " + named(given.children[i]) + path + " is not stored";
    const Field& one = stored.children[i];
    const Field& other = given.children[i];
    // The elements of a list have different names in different libraries.
    if (given.format == "+s" && one.name != other.name) {
      return "column " + named(one) + path + " is stored where " + named(other) + " was given";
    }
    if (std::string found = difference(one, other); !found.empty()) return found;
  }
  return {};
}

}  // namespace

void set_format(Field& field, std::string_view format) {
  field.format = usual_form(format);
  field.layout = layout_of(format);
  field.width = field.layout == Layout::fixed        ? fixed_width(format)
                : field.layout == Layout::fixed_list ? number_in(format.substr(3))
                                                     : 0;
  if (field.layout == Layout::fixed && field.width == 0) {
    throw UnsupportedError("column '" + field.name + "' has Arrow's type '" + field.format +
                           "', which tables cannot hold: cast it first");
  }
}

Field stored_form(const Field& field) {
  std::int64_t next_id = 0;
  return stored_form(field, next_id);
}

void fit_offsets(Field& given, const Field& stored) {
  const TypesOfElements* const types = find_types_of_elements(given.format);
  if (types && types->has(stored.format)) {
    given.stored_offsets = stored.format == types->small ? StoredOffsets::small : StoredOffsets::large;
  }
  for (std::size_t i = 0; i < std::min(given.children.size(), stored.children.size()); ++i) {
    fit_offsets(given.children[i], stored.children[i]);
  }
  if (!given.dictionary || !stored.dictionary) return;
  Field values = *given.dictionary;
  fit_offsets(values, *stored.dictionary);
  given.dictionary = std::make_shared<const Field>(std::move(values));
}

std::string difference(const Field& stored, const Field& given) {
  // NOLINTNEXTLINE(readability-suspicious-call-argument): either may be the one of nulls alone that the other decides
  if (!is_same_type(stored, given) && !decides(given, stored) && !decides(stored, given)) {
    return "column '" + given.name + "' is stored as " + describe(stored) + " and was given as " + describe(given);
  }
  if (stored.dictionary) return difference_of_children(*stored.dictionary, *given.dictionary, "");
  return difference_of_children(stored, given, stored.name.empty() ? "" : " of '" + stored.name + "'");
}

std::string_view metadata_of(const Field& field, std::string_view key) noexcept {
  for (const auto& [known, value] : field.metadata) {
    if (known == key) return value;
  }
  return {};
}

bool decides(const Field& given, const Field& stored) noexcept {
  const auto are_objects = [](const Field& field) {
    const bool are_bytes = field.layout == Layout::binary || field.layout == Layout::large_binary;
    return are_bytes && metadata_of(field, pickle_key).empty();
  };
  return are_objects(given) && are_objects(stored) && metadata_of(given, nulls_key).empty() &&
         !metadata_of(stored, nulls_key).empty();
}

bool holds_a_dictionary(const Field& field) {
  if (field.dictionary) return true;
  return std::any_of(field.children.begin(), field.children.end(), holds_a_dictionary);
}

std::size_t buffers_of(Layout layout) noexcept {
  switch (layout) {
    case Layout::null:
      return 0;
    case Layout::fixed_list:
    case Layout::structure:
      return 1;
    case Layout::binary:
    case Layout::large_binary:
    case Layout::binary_view:
      return 3;
    default:
      return 2;
  }
}

std::size_t offset_size(Layout layout) noexcept {
  const bool is_large = layout == Layout::large_binary || layout == Layout::binary_view || layout == Layout::large_list;
  return is_large ? 8 : 4;
}

std::size_t stored_offset_size(const Field& field) noexcept {
  if (field.stored_offsets == StoredOffsets::as_given) return offset_size(field.layout);
  return field.stored_offsets == StoredOffsets::small ? sizeof(std::int32_t) : sizeof(std::int64_t);
}

std::shared_ptr<std::byte> allocate(std::size_t size) {
  auto* const memory = static_cast<std::byte*>(::operator new(size > 0 ? size : 1, memory_alignment));
  return {memory, [](std::byte* from) { ::operator delete(from, memory_alignment); }};
}

}  // namespace accrete::python
