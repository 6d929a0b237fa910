#include "c_data.hpp"

#include <accrete/error.hpp>
#include <cerrno>
#include <cstring>

#include "base/escape.hpp"

namespace accrete::python {
namespace {

/// Numbers of native order, and strings of so many bytes:
/// https://arrow.apache.org/docs/format/CDataInterface.html#c.ArrowSchema.metadata
class MetadataReader {
 public:
  explicit MetadataReader(const char* at) : at_(at) {}

  std::int32_t number() noexcept {
    std::int32_t value = 0;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  std::string text() {
    const auto size = static_cast<std::size_t>(number());
    std::string value(at_, size);
    at_ += size;
    return value;
  }

 private:
  const char* at_;
};

Metadata import_metadata(const char* bytes) {
  Metadata metadata;
  if (!bytes) return metadata;
  MetadataReader reader(bytes);
  for (std::int32_t left = reader.number(); left > 0; --left) {
    std::string key = reader.text();
    metadata.emplace_back(std::move(key), reader.text());
  }
  return metadata;
}

void append_number(std::string& to, std::size_t number) {
  const auto value = static_cast<std::int32_t>(number);
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string export_metadata(const Metadata& metadata) {
  if (metadata.empty()) return {};
  std::string bytes;
  append_number(bytes, metadata.size());
  for (const auto& [key, value] : metadata) {
    append_number(bytes, key.size());
    bytes += key;
    append_number(bytes, value.size());
    bytes += value;
  }
  return bytes;
}

using Owner = std::shared_ptr<ArrowArray>;

Memory shared(const Owner& owner, const void* memory) { return {owner, static_cast<const std::byte*>(memory)}; }

/// `skipped` is the offset of the structs around it, which have it count from their own first element.
Array import_part(const Field& field, const Owner& owner, const ArrowArray& from, std::int64_t skipped = 0) {
  Array array{.length = from.length, .offset = from.offset + skipped, .null_count = from.null_count};
  const auto buffers = static_cast<std::size_t>(from.n_buffers);
  for (std::size_t i = 0; i < std::min<std::size_t>(buffers, 3); ++i) {
    array.buffers[i] = shared(owner, from.buffers[i]);
  }
  if (from.null_count == 0 || field.layout == Layout::null) array.buffers[0] = nullptr;
  if (field.layout == Layout::binary_view) {
    for (std::size_t i = 2; i + 1 < buffers; ++i) array.views.push_back(static_cast<const std::byte*>(from.buffers[i]));
  }
  if (static_cast<std::size_t>(from.n_children) != field.children.size()) {
    throw InvalidArgumentError("column '" + field.name + "' has not the columns in it that its schema has");
  }
  for (std::size_t i = 0; i < field.children.size(); ++i) {
    const std::int64_t skips = field.layout == Layout::structure ? array.offset : 0;
    array.children.push_back(import_part(field.children[i], owner, *from.children[i], skips));
  }
  if (field.dictionary) {
    if (!from.dictionary) throw InvalidArgumentError("column '" + field.name + "' has no dictionary");
    array.dictionary = std::make_shared<const Array>(import_part(*field.dictionary, owner, *from.dictionary));
  }
  return array;
}

struct ExportedSchema {
  Field field;
  std::string metadata;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
  ArrowSchema dictionary{};
};

template <typename Struct>
void release(Struct& part) noexcept {
  if (part.release) part.release(&part);
}

void release_schema(ArrowSchema* schema) {
  const std::unique_ptr<ExportedSchema> held(static_cast<ExportedSchema*>(schema->private_data));
  for (ArrowSchema& child : held->children) release(child);
  release(held->dictionary);
  schema->release = nullptr;
}

struct ExportedArray {
  Array array;
  std::vector<const void*> buffers;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
  ArrowArray dictionary{};
};

void release_array(ArrowArray* array) {
  const std::unique_ptr<ExportedArray> held(static_cast<ExportedArray*>(array->private_data));
  for (ArrowArray& child : held->children) release(child);
  release(held->dictionary);
  array->release = nullptr;
}

struct ExportedStream {
  Column table;
  bool is_over = false;
};

ExportedStream& exported(ArrowArrayStream* stream) { return *static_cast<ExportedStream*>(stream->private_data); }

template <typename Work>
int result_of(Work work) noexcept {
  try {
    work();
    return 0;
  } catch (const std::exception&) {
    return ENOMEM;
  }
}

}  // namespace

Field import_field(const ArrowSchema& schema) {
  Field field;
  field.name = schema.name ? schema.name : "";
  set_format(field, schema.format);
  if (!is_utf8(field.name) || !is_utf8(field.format)) {
    throw InvalidArgumentError("column " + quoted(field.name) + " has a name or a time zone that is no UTF-8");
  }
  field.is_nullable = (schema.flags & arrow_flag_nullable) != 0;
  field.is_ordered = schema.dictionary && (schema.flags & arrow_flag_dictionary_ordered) != 0;
  field.has_sorted_keys = (schema.flags & arrow_flag_map_keys_sorted) != 0;
  field.metadata = import_metadata(schema.metadata);
  for (std::int64_t i = 0; i < schema.n_children; ++i) field.children.push_back(import_field(*schema.children[i]));
  if (schema.dictionary) field.dictionary = std::make_shared<const Field>(import_field(*schema.dictionary));
  return field;
}

Array import_array(const Field& field, ArrowArray& array) {
  const Owner owner(new ArrowArray(array), [](ArrowArray* held) {
    release(*held);
    delete held;
  });
  array.release = nullptr;
  return import_part(field, owner, *owner);
}

ImportedStream::ImportedStream(ArrowArrayStream& stream) : stream_(stream) {
  if (!stream_.release)
    throw InvalidArgumentError("the stream of the table has been read already: ask for another one");
  ArrowSchema schema{};
  if (stream_.get_schema(&stream_, &schema) != 0) throw_error();
  const std::unique_ptr<ArrowSchema, void (*)(ArrowSchema*)> held(&schema, [](ArrowSchema* it) { release(*it); });
  schema_ = import_field(schema);
  if (schema_.layout != Layout::structure) throw InvalidArgumentError("it is a column, and no table");
}

std::optional<Array> ImportedStream::next() {
  ArrowArray array{};
  if (stream_.get_next(&stream_, &array) != 0) throw_error();
  if (!array.release) return std::nullopt;
  return import_array(schema_, array);
}

void ImportedStream::throw_error() {
  const char* const message = stream_.get_last_error(&stream_);
  throw Error("cannot read the table: " + std::string(message ? message : "its producer does not say why"));
}

void export_field(const Field& field, ArrowSchema& to) {
  auto held = std::make_unique<ExportedSchema>(ExportedSchema{field, export_metadata(field.metadata), {}, {}});
  held->children.resize(field.children.size());
  for (std::size_t i = 0; i < field.children.size(); ++i) {
    export_field(field.children[i], held->children[i]);
    held->child_pointers.push_back(&held->children[i]);
  }
  if (field.dictionary) export_field(*field.dictionary, held->dictionary);
  to = {};
  to.format = held->field.format.c_str();
  to.name = held->field.name.c_str();
  to.metadata = held->metadata.empty() ? nullptr : held->metadata.c_str();
  to.flags = (field.is_nullable ? arrow_flag_nullable : 0) | (field.is_ordered ? arrow_flag_dictionary_ordered : 0) |
             (field.has_sorted_keys ? arrow_flag_map_keys_sorted : 0);
  to.n_children = static_cast<std::int64_t>(held->children.size());
  to.children = held->child_pointers.data();
  to.dictionary = field.dictionary ? &held->dictionary : nullptr;
  to.release = release_schema;
  to.private_data = held.release();
}

void export_array(const Field& field, const Array& array, ArrowArray& to) {
  auto held = std::make_unique<ExportedArray>(ExportedArray{array, {}, {}, {}});
  for (std::size_t i = 0; i < buffers_of(field.layout); ++i) held->buffers.push_back(array.buffers[i].get());
  held->children.resize(array.children.size());
  for (std::size_t i = 0; i < array.children.size(); ++i) {
    export_array(field.children[i], array.children[i], held->children[i]);
    held->child_pointers.push_back(&held->children[i]);
  }
  if (array.dictionary) export_array(*field.dictionary, *array.dictionary, held->dictionary);
  to = {};
  to.length = array.length;
  to.null_count = array.null_count;
  to.offset = array.offset;
  to.n_buffers = static_cast<std::int64_t>(held->buffers.size());
  to.n_children = static_cast<std::int64_t>(held->children.size());
  to.buffers = held->buffers.data();
  to.children = held->child_pointers.data();
  to.dictionary = array.dictionary ? &held->dictionary : nullptr;
  to.release = release_array;
  to.private_data = held.release();
}

void export_stream(const Column& table, ArrowArrayStream& to) {
  to = {};
  to.get_schema = [](ArrowArrayStream* stream, ArrowSchema* schema) {
    return result_of([&] { export_field(exported(stream).table.field, *schema); });
  };
  to.get_next = [](ArrowArrayStream* stream, ArrowArray* array) {
    return result_of([&] {
      ExportedStream& held = exported(stream);
      *array = {};
      if (!std::exchange(held.is_over, true)) export_array(held.table.field, held.table.array, *array);
    });
  };
  to.get_last_error = [](ArrowArrayStream*) { return static_cast<const char*>(nullptr); };
  to.release = [](ArrowArrayStream* stream) {
    delete &exported(stream);
    stream->release = nullptr;
  };
  to.private_data = new ExportedStream{table};
}

}  // namespace accrete::python
