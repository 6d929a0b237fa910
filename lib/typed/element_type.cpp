#include "typed/element_type.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>

#include "base/escape.hpp"

namespace accrete {
namespace {

struct NumberInfo {
  std::string_view name;
  std::size_t size;
  std::size_t component_size;
};

/// In the order of NumberType.
constexpr std::array<NumberInfo, 13> numbers = {{
    {"int8", 1, 1},
    {"int16", 2, 2},
    {"int32", 4, 4},
    {"int64", 8, 8},
    {"uint8", 1, 1},
    {"uint16", 2, 2},
    {"uint32", 4, 4},
    {"uint64", 8, 8},
    {"float32", 4, 4},
    {"float64", 8, 8},
    {"complex64", 8, 4},
    {"complex128", 16, 8},
    {"bool", 1, 1},
}};
static_assert(static_cast<std::size_t>(NumberType::boolean) == numbers.size());

const NumberInfo& info_of(NumberType type) noexcept { return numbers[static_cast<std::size_t>(type) - 1]; }

std::optional<NumberType> try_number_type(std::uint8_t code) noexcept {
  const auto type = static_cast<NumberType>(code);
  return is_number_type(type) ? std::optional(type) : std::nullopt;
}

std::optional<NumberType> try_number_type(std::string_view name) noexcept {
  const auto* at =
      std::find_if(numbers.begin(), numbers.end(), [&](const NumberInfo& info) { return info.name == name; });
  return try_number_type(static_cast<std::uint8_t>(at - numbers.begin() + 1));
}

bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

std::string_view name_of(NumberType type) noexcept { return is_number_type(type) ? info_of(type).name : "unknown"; }

bool is_number_type(NumberType type) noexcept { return type >= NumberType::int8 && type <= NumberType::boolean; }

std::size_t size_of(NumberType type) noexcept { return info_of(type).size; }

std::size_t component_size_of(NumberType type) noexcept { return info_of(type).component_size; }

bool is_field_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= max_field_name_size &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

ElementType::ElementType(const detail::ElementLayout& layout) {
  if (!layout.is_struct) code_ = static_cast<std::uint8_t>(layout.fields.front().type);
  for (const detail::FieldLayout& field : layout.fields) add(field.name, field.type);
  if (code_ == struct_code && !has_valid_names()) {
    throw InvalidArgumentError("the schema " + quoted(schema_) + " does not have 1 to " + std::to_string(max_fields) +
                               " fields, each with a name of its own of 1 to " + std::to_string(max_field_name_size) +
                               " letters, digits and underscores");
  }
}

std::optional<ElementType> ElementType::try_decode(const TypeTag& tag) {
  ElementType type;
  if (tag.code == struct_code) {
    if (!type.try_add_schema(tag.schema) || !type.has_valid_names()) return std::nullopt;
  } else {
    const std::optional<NumberType> number = try_number_type(tag.code);
    if (!number) return std::nullopt;
    type.code_ = tag.code;
    type.add({}, *number);
  }
  if (type.tag() != tag) return std::nullopt;
  return type;
}

std::string ElementType::name() const {
  return code_ == struct_code ? "struct(" + schema_ + ")" : std::string(name_of(fields_.front().type));
}

void ElementType::add(std::string_view name, NumberType type) {
  fields_.push_back({.name = std::string(name), .type = type, .offset = size_});
  size_ += size_of(type);
  if (code_ != struct_code) return;
  if (!schema_.empty()) schema_ += ',';
  schema_ += name;
  schema_ += ':';
  schema_ += name_of(type);
}

bool ElementType::try_add_schema(std::string_view schema) {
  for (bool is_last = false; !is_last;) {
    const std::string_view field = schema.substr(0, schema.find(','));
    is_last = field.size() == schema.size();
    schema.remove_prefix(is_last ? field.size() : field.size() + 1);
    const std::size_t name_size = field.find(':');
    if (name_size == 0 || name_size == std::string_view::npos || fields_.size() == max_fields) return false;
    const std::optional<NumberType> type = try_number_type(field.substr(name_size + 1));
    if (!type) return false;
    add(field.substr(0, name_size), *type);
  }
  return true;
}

bool ElementType::has_valid_names() const {
  if (fields_.empty() || fields_.size() > max_fields) return false;
  std::vector<std::string_view> names;
  for (const Field& field : fields_) names.push_back(field.name);
  std::sort(names.begin(), names.end());
  return std::all_of(names.begin(), names.end(), is_field_name) &&
         std::adjacent_find(names.begin(), names.end()) == names.end();
}

}  // namespace accrete
