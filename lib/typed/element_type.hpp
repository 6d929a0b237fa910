// The type of elements as it stands in a piece's header, and what is to be known of it.
#pragma once

#include <accrete/numeric.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

inline constexpr std::size_t max_fields = 64;
inline constexpr std::size_t max_field_name_size = 63;
/// Of a struct; the other codes are those of NumberType.
inline constexpr std::uint8_t struct_code = 32;

/// Whether it is one of those that NumberType names.
[[nodiscard]] bool is_number_type(NumberType type) noexcept;
/// The bytes of a stored number.
[[nodiscard]] std::size_t size_of(NumberType type) noexcept;
/// Of its parts: a complex number has two.
[[nodiscard]] std::size_t component_size_of(NumberType type) noexcept;

/// 1 to max_field_name_size letters, digits and underscores.
[[nodiscard]] bool is_field_name(std::string_view name) noexcept;

/// A type as a header holds it. Equal if and only if the types are.
struct TypeTag {
  std::uint8_t code = 0;
  std::uint32_t element_size = 0;  ///< bytes
  std::string_view schema{};       ///< of a struct: field *("," field), where field = name ":" type's name

  friend bool operator==(const TypeTag&, const TypeTag&) = default;
};

class ElementType {
 public:
  /// In the packed encoding fields follow each other without a gap, in the order of the schema.
  struct Field {
    std::string name;  ///< empty: the element is this number
    NumberType type{};
    std::size_t offset = 0;  ///< bytes
  };

  /// Throws InvalidArgumentError if the layout has too many fields, or names that are not allowed.
  explicit ElementType(const detail::ElementLayout& layout);

  /// nullopt if it is the tag of no type.
  [[nodiscard]] static std::optional<ElementType> try_decode(const TypeTag& tag);

  [[nodiscard]] TypeTag tag() const noexcept { return {code_, static_cast<std::uint32_t>(size_), schema_}; }
  /// Of an element in the packed encoding, bytes.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }
  /// For messages: "float64" or "struct(delay:float32,distance:int32)".
  [[nodiscard]] std::string name() const;

 private:
  ElementType() = default;
  void add(std::string_view name, NumberType type);
  [[nodiscard]] bool try_add_schema(std::string_view schema);
  [[nodiscard]] bool has_valid_names() const;

  std::uint8_t code_ = struct_code;
  std::size_t size_ = 0;
  std::string schema_;
  std::vector<Field> fields_;
};

}  // namespace accrete
