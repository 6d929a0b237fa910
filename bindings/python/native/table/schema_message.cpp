#include "schema_message.hpp"

#include <accrete/error.hpp>
#include <charconv>

#include "base/escape.hpp"

namespace accrete::python {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

struct EncodedType {
  ipc::Type type;
  Offset<void> table;
};

template <typename Table>
EncodedType encoded(ipc::Type type, Offset<Table> table) {
  return {type, table.Union()};
}

/// Of the keys of a dictionary's own metadata among those of its column: the format has no other place for them.
constexpr std::string_view dictionary_prefix = "accrete.dictionary:";

constexpr std::string_view int_formats = "cCsSiIlL";  // signed and unsigned, of 8, 16, 32 and 64 bits
constexpr std::string_view float_formats = "efg";     // as ipc::Precision counts
constexpr std::string_view time_units = "smun";       // as ipc::TimeUnit counts
constexpr std::string_view interval_units = "MDn";    // as ipc::IntervalUnit counts
constexpr std::string_view date_units = "Dm";         // as ipc::DateUnit counts

template <typename Unit>
Unit unit_in(std::string_view units, char unit) {
  return static_cast<Unit>(units.find(unit));
}

int int_in(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(',')) text.remove_prefix(1);
  return number;
}

Offset<ipc::Int> encode_int(FlatBufferBuilder& builder, char format) {
  const std::size_t index = int_formats.find(format);
  return ipc::CreateInt(builder, 8 << (index / 2), index % 2 == 0);
}

EncodedType encode_time(FlatBufferBuilder& builder, std::string_view format) {
  const char unit = format[2];
  switch (format[1]) {
    case 'd':
      return encoded(ipc::Type::Date, ipc::CreateDate(builder, unit_in<ipc::DateUnit>(date_units, unit)));
    case 't': {
      const auto kind = unit_in<ipc::TimeUnit>(time_units, unit);
      return encoded(ipc::Type::Time, ipc::CreateTime(builder, kind, kind <= ipc::TimeUnit::Millisecond ? 32 : 64));
    }
    case 'D':
      return encoded(ipc::Type::Duration, ipc::CreateDuration(builder, unit_in<ipc::TimeUnit>(time_units, unit)));
    case 'i':
      return encoded(ipc::Type::Interval,
                     ipc::CreateInterval(builder, unit_in<ipc::IntervalUnit>(interval_units, unit)));
    default: {
      const std::string_view zone = format.substr(4);
      const auto text = zone.empty() ? 0 : builder.CreateString(zone.data(), zone.size());
      return encoded(ipc::Type::Timestamp,
                     ipc::CreateTimestamp(builder, unit_in<ipc::TimeUnit>(time_units, unit), text));
    }
  }
}

EncodedType encode_decimal(FlatBufferBuilder& builder, std::string_view numbers) {
  const int precision = int_in(numbers);
  const int scale = int_in(numbers);
  return encoded(ipc::Type::Decimal,
                 ipc::CreateDecimal(builder, precision, scale, numbers.empty() ? 128 : int_in(numbers)));
}

EncodedType encode_nested(FlatBufferBuilder& builder, const Field& field) {
  switch (field.format[1]) {
    case 'l':
      return encoded(ipc::Type::List, ipc::CreateList(builder));
    case 'L':
      return encoded(ipc::Type::LargeList, ipc::CreateLargeList(builder));
    case 'm':
      return encoded(ipc::Type::Map, ipc::CreateMap(builder, field.has_sorted_keys));
    case 'w':
      return encoded(ipc::Type::FixedSizeList, ipc::CreateFixedSizeList(builder, static_cast<int>(field.width)));
    default:
      return encoded(ipc::Type::Struct, ipc::CreateStruct(builder));
  }
}

/// Of a format that `set_format` has let pass.
EncodedType encode_type(FlatBufferBuilder& builder, const Field& field) {
  const std::string_view format = field.format;
  const char kind = format.front();
  switch (kind) {
    case 'n':
      return encoded(ipc::Type::Null, ipc::CreateNull(builder));
    case 'b':
      return encoded(ipc::Type::Bool, ipc::CreateBool(builder));
    case 'z':
      return encoded(ipc::Type::Binary, ipc::CreateBinary(builder));
    case 'Z':
      return encoded(ipc::Type::LargeBinary, ipc::CreateLargeBinary(builder));
    case 'u':
      return encoded(ipc::Type::Utf8, ipc::CreateUtf8(builder));
    case 'U':
      return encoded(ipc::Type::LargeUtf8, ipc::CreateLargeUtf8(builder));
    case 'w':
      return encoded(ipc::Type::FixedSizeBinary, ipc::CreateFixedSizeBinary(builder, static_cast<int>(field.width)));
    case 'd':
      return encode_decimal(builder, format.substr(2));
    case 't':
      return encode_time(builder, format);
    case '+':
      return encode_nested(builder, field);
    default:
      break;
  }
  if (const std::size_t precision = float_formats.find(kind); precision != std::string_view::npos) {
    return encoded(ipc::Type::FloatingPoint, ipc::CreateFloatingPoint(builder, static_cast<ipc::Precision>(precision)));
  }
  return encoded(ipc::Type::Int, encode_int(builder, kind));
}

using KeyValues = flatbuffers::Vector<Offset<ipc::KeyValue>>;

Offset<KeyValues> encode_metadata(FlatBufferBuilder& builder, const Metadata& metadata) {
  if (metadata.empty()) return 0;
  std::vector<Offset<ipc::KeyValue>> pairs;
  for (const auto& [key, value] : metadata) {
    const auto key_text = builder.CreateString(key);
    pairs.push_back(ipc::CreateKeyValue(builder, key_text, builder.CreateString(value)));
  }
  return builder.CreateVector(pairs);
}

Offset<ipc::Field> encode_field(FlatBufferBuilder& builder, const Field& field) {
  const Field& values = field.dictionary ? *field.dictionary : field;
  std::vector<Offset<ipc::Field>> children;
  for (const Field& child : values.children) children.push_back(encode_field(builder, child));
  const auto name = builder.CreateString(field.name);
  Metadata pairs = field.metadata;
  if (field.dictionary) {
    for (const auto& [key, value] : field.dictionary->metadata)
      pairs.emplace_back(std::string(dictionary_prefix) + key, value);
  }
  const auto metadata = encode_metadata(builder, pairs);
  const auto list = builder.CreateVector(children);
  Offset<ipc::DictionaryEncoding> dictionary = 0;
  if (field.dictionary) {
    const auto index = encode_int(builder, field.format.front());
    dictionary = ipc::CreateDictionaryEncoding(builder, field.dictionary_id, index, field.is_ordered);
  }
  const EncodedType type = encode_type(builder, values);
  return ipc::CreateField(builder, name, field.is_nullable, type.type, type.table, dictionary, list, metadata);
}

[[noreturn]] void throw_corrupt(const char* what) {
  throw CorruptionError("the schema of a table is damaged: " + std::string(what));
}

char format_of_int(const ipc::Int& type) {
  switch (type.bit_width()) {
    case 8:
      return type.is_signed() ? 'c' : 'C';
    case 16:
      return type.is_signed() ? 's' : 'S';
    case 32:
      return type.is_signed() ? 'i' : 'I';
    case 64:
      return type.is_signed() ? 'l' : 'L';
    default:
      throw_corrupt("it has ints of a width that there is not");
  }
}

/// Of an enum of the format, which foreign bytes may give any value.
template <typename Unit>
char unit_name(std::string_view names, Unit unit) {
  const auto index = static_cast<std::size_t>(unit);
  if (index >= names.size()) throw_corrupt("it has a unit that there is not");
  return names[index];
}

/// The texts of a flatbuffer. Any number of references may be to one of them; those of whoever writes each for itself
/// have fewer bytes than the flatbuffer.
class Texts {
 public:
  explicit Texts(std::size_t size) : bytes_left_(4 * size) {}

  std::string bytes(const flatbuffers::String* text) {
    if (!text) return {};
    if (text->size() > bytes_left_) throw_corrupt("its texts are more than its bytes");
    bytes_left_ -= text->size();
    return text->str();
  }

  /// Of a name.
  std::string utf8(const flatbuffers::String* text) {
    std::string name = bytes(text);
    if (!is_utf8(name)) throw_corrupt("a name is no UTF-8");
    return name;
  }

 private:
  std::size_t bytes_left_;
};

std::int32_t size_in(std::int32_t size) {
  if (size < 0) throw_corrupt("its elements have a negative size");
  return size;
}

std::string format_of_decimal(const ipc::Decimal& type) {
  const int bits = type.bit_width();
  if (bits != 32 && bits != 64 && bits != 128 && bits != 256)
    throw_corrupt("it has decimals of a width that there is not");
  std::string format = "d:" + std::to_string(type.precision()) + "," + std::to_string(type.scale());
  if (bits != 128) format += "," + std::to_string(bits);
  return format;
}

std::string format_of_time(const ipc::Time& type) {
  const int bits = type.unit() <= ipc::TimeUnit::Millisecond ? 32 : 64;
  if (type.bit_width() != bits) throw_corrupt("it has times of a width that there is not");
  return {'t', 't', unit_name(time_units, type.unit())};
}

std::string format_of(const ipc::Field& field, Texts& texts) {
  switch (field.type_type()) {
    case ipc::Type::Null:
      return "n";
    case ipc::Type::Int:
      return {format_of_int(*field.type_as_Int())};
    case ipc::Type::FloatingPoint:
      return {unit_name(float_formats, field.type_as_FloatingPoint()->precision())};
    case ipc::Type::Binary:
      return "z";
    case ipc::Type::Utf8:
      return "u";
    case ipc::Type::Bool:
      return "b";
    case ipc::Type::Decimal:
      return format_of_decimal(*field.type_as_Decimal());
    case ipc::Type::Date:
      return {'t', 'd', unit_name(date_units, field.type_as_Date()->unit())};
    case ipc::Type::Time:
      return format_of_time(*field.type_as_Time());
    case ipc::Type::Timestamp: {
      const ipc::Timestamp& type = *field.type_as_Timestamp();
      return std::string{'t', 's', unit_name(time_units, type.unit()), ':'} + texts.utf8(type.timezone());
    }
    case ipc::Type::Interval:
      return {'t', 'i', unit_name(interval_units, field.type_as_Interval()->unit())};
    case ipc::Type::Duration:
      return {'t', 'D', unit_name(time_units, field.type_as_Duration()->unit())};
    case ipc::Type::List:
      return "+l";
    case ipc::Type::LargeList:
      return "+L";
    case ipc::Type::Struct:
      return "+s";
    case ipc::Type::Map:
      return "+m";
    case ipc::Type::FixedSizeBinary:
      return "w:" + std::to_string(size_in(field.type_as_FixedSizeBinary()->byte_width()));
    case ipc::Type::FixedSizeList:
      return "+w:" + std::to_string(size_in(field.type_as_FixedSizeList()->list_size()));
    case ipc::Type::LargeBinary:
      return "Z";
    case ipc::Type::LargeUtf8:
      return "U";
    default:
      throw UnsupportedError("a column has a type of Arrow's that tables cannot hold");
  }
}

Metadata read_metadata(const KeyValues* pairs, Texts& texts) {
  Metadata metadata;
  if (!pairs) return metadata;
  for (const ipc::KeyValue* const pair : *pairs) {
    std::string key = texts.bytes(pair->key());
    metadata.emplace_back(std::move(key), texts.bytes(pair->value()));
  }
  return metadata;
}

Metadata take_metadata_of_values(Metadata& metadata) {
  Metadata taken;
  for (const auto& [key, value] : metadata) {
    if (key.starts_with(dictionary_prefix)) taken.emplace_back(key.substr(dictionary_prefix.size()), value);
  }
  std::erase_if(metadata, [](const auto& pair) { return pair.first.starts_with(dictionary_prefix); });
  return taken;
}

std::size_t children_of(const Field& field) {
  switch (field.layout) {
    case Layout::list:
    case Layout::large_list:
    case Layout::fixed_list:
      return 1;
    case Layout::structure:
      return field.children.size();
    default:
      return 0;
  }
}

/// The entries of a map are structs of a key and a value.
bool has_entries(const Field& map) {
  const Field& entries = map.children.front();
  return entries.layout == Layout::structure && entries.children.size() == 2;
}

Field read_field(const ipc::Field& from, Texts& texts) {
  Field field;
  field.name = texts.utf8(from.name());
  if (!from.type() && from.type_type() != ipc::Type::NONE) throw_corrupt("a column has no type");
  set_format(field, format_of(from, texts));
  field.is_nullable = from.nullable();
  if (from.type_type() == ipc::Type::Map) field.has_sorted_keys = from.type_as_Map()->keys_sorted();
  if (from.children()) {
    for (const ipc::Field* const child : *from.children()) field.children.push_back(read_field(*child, texts));
  }
  if (children_of(field) != field.children.size()) throw_corrupt("a column has not the columns in it that it should");
  if (field.format == "+m" && !has_entries(field)) throw_corrupt("a map has no keys and values");
  Metadata metadata = read_metadata(from.custom_metadata(), texts);
  if (const ipc::DictionaryEncoding* const dictionary = from.dictionary()) {
    field.metadata = take_metadata_of_values(metadata);
    Field indexes;
    indexes.name = field.name;
    indexes.is_nullable = field.is_nullable;
    indexes.is_ordered = dictionary->is_ordered();
    indexes.dictionary_id = dictionary->id();
    set_format(indexes, dictionary->index_type() ? std::string(1, format_of_int(*dictionary->index_type())) : "i");
    indexes.dictionary = std::make_shared<const Field>(std::move(field));
    field = std::move(indexes);
  }
  field.metadata = std::move(metadata);
  return field;
}

}  // namespace

std::string schema_metadata(const Field& table) {
  FlatBufferBuilder builder;
  std::vector<Offset<ipc::Field>> fields;
  for (const Field& field : table.children) fields.push_back(encode_field(builder, field));
  const auto list = builder.CreateVector(fields);
  const auto schema =
      ipc::CreateSchema(builder, ipc::Endianness::Little, list, encode_metadata(builder, table.metadata));
  const auto checksum = encode_metadata(builder, {{checksum_key, checksum_method}});
  builder.Finish(ipc::CreateMessage(builder, ipc::Version::V5, ipc::Header::Schema, schema.Union(), 0, checksum));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

Field read_schema(const ipc::Schema& schema, std::size_t size) {
  if (schema.endianness() != ipc::Endianness::Little) {
    throw UnsupportedError("a table is stored in big-endian order, which tables cannot read");
  }
  Field table;
  set_format(table, "+s");
  table.is_nullable = false;
  Texts texts(size);
  table.metadata = read_metadata(schema.custom_metadata(), texts);
  if (schema.fields()) {
    for (const ipc::Field* const field : *schema.fields()) table.children.push_back(read_field(*field, texts));
  }
  return table;
}

}  // namespace accrete::python
