#include "tables.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <cstring>
#include <pybind11/stl.h>

#include "arguments.hpp"
#include "objects.hpp"
#include "store.hpp"
#include "table/c_data.hpp"
#include "table/concatenate.hpp"
#include "table/scatter.hpp"

namespace py = pybind11;

namespace accrete::python {
namespace {

/// The memory of a column as a buffer that can be written to.
struct Buffer {
  Memory memory;
  std::size_t size;
};

std::size_t elements(const Column& column) noexcept { return static_cast<std::size_t>(column.array.length); }

/// Of a column's second buffer.
std::size_t values_size(const Column& column) noexcept {
  const std::size_t count = elements(column);
  switch (column.field.layout) {
    case Layout::bits:
      return (count + 7) / 8;
    case Layout::fixed:
      return count * column.field.width;
    default:
      return (count + 1) * offset_size(column.field.layout);
  }
}

std::optional<Buffer> validity(const Column& column) {
  if (!column.array.validity()) return std::nullopt;
  return Buffer{column.array.buffers[0], (elements(column) + 7) / 8};
}

Buffer values(const Column& column) {
  if (column.field.layout != Layout::bits && column.field.layout != Layout::fixed) {
    throw InvalidArgumentError("column '" + column.field.name + "' has no values of fixed width");
  }
  return {column.array.buffers[1], values_size(column)};
}

/// Of numbers, bits and indexes of a dictionary: Column(name, format, length, validity, values, dictionary, ordered).
Column column_of_values(const std::string& name, const std::string& format, std::int64_t length, py::handle validity,
                        py::handle values, const std::optional<Column>& dictionary, bool is_ordered) {
  Column column;
  column.field.name = name;
  set_format(column.field, format);
  column.array.length = length;
  if (!validity.is_none()) {
    column.array.buffers[0] = memory_of(validity.ptr(), (elements(column) + 7) / 8);
    column.array.null_count = -1;
  }
  if (column.field.layout == Layout::null) return column;
  column.array.buffers[1] = memory_of(values.ptr(), values_size(column));
  if (dictionary) {
    column.field.is_ordered = is_ordered;
    column.field.dictionary = std::make_shared<const Field>(dictionary->field);
    column.array.dictionary = std::make_shared<const Array>(dictionary->array);
  }
  return column;
}

/// A table, or a column of columns.
Column structure(const std::string& name, std::int64_t length, const std::vector<Column>& children) {
  Column column;
  column.field.name = name;
  set_format(column.field, "+s");
  column.array.length = length;
  for (const Column& child : children) {
    if (child.array.length != length) throw InvalidArgumentError("columns of a table have different lengths");
    column.field.children.push_back(child.field);
    column.array.children.push_back(child.array);
  }
  return column;
}

template <typename Struct>
Struct& pointer_in(py::handle capsule, const char* name) {
  void* const pointer = PyCapsule_GetPointer(capsule.ptr(), name);
  if (!pointer) throw PythonErrorSet{};
  return *static_cast<Struct*>(pointer);
}

/// Of what __arrow_c_array__ returns.
Column imported_column(const std::string& name, py::handle schema, py::handle array) {
  Column column{import_field(pointer_in<ArrowSchema>(schema, "arrow_schema")), {}};
  column.array = import_array(column.field, pointer_in<ArrowArray>(array, "arrow_array"));
  column.field.name = name;
  return column;
}

template <typename Struct>
py::object in_capsule(const char* name, std::unique_ptr<Struct> held) {
  PyObject* const capsule = PyCapsule_New(held.get(), name, [](PyObject* object) {
    auto* const pointer = static_cast<Struct*>(PyCapsule_GetPointer(object, PyCapsule_GetName(object)));
    if (pointer->release) pointer->release(pointer);
    delete pointer;
  });
  if (!capsule) throw PythonErrorSet{};
  (void)held.release();  // the capsule's
  return py::reinterpret_steal<py::object>(capsule);
}

py::object schema_capsule(const Column& column) {
  auto schema = std::make_unique<ArrowSchema>();
  export_field(column.field, *schema);
  return in_capsule("arrow_schema", std::move(schema));
}

py::object array_capsule(const Column& column) {
  auto array = std::make_unique<ArrowArray>();
  export_array(column.field, column.array, *array);
  return in_capsule("arrow_array", std::move(array));
}

py::object stream_capsule(const Column& table) {
  auto stream = std::make_unique<ArrowArrayStream>();
  export_stream(table, *stream);
  return in_capsule("arrow_array_stream", std::move(stream));
}

py::dict metadata(const Column& column) {
  py::dict dict;
  for (const auto& [key, value] : column.field.metadata) dict[py::bytes(key)] = py::bytes(value);
  return dict;
}

void set_metadata(Column& column, const std::map<std::string, std::string>& metadata) {
  column.field.metadata.assign(metadata.begin(), metadata.end());
}

std::vector<Column> children(const Column& column) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < column.field.children.size(); ++i) {
    columns.push_back({column.field.children[i], column.array.children[i]});
  }
  return columns;
}

std::optional<Column> dictionary(const Column& column) {
  if (!column.field.dictionary) return std::nullopt;
  return Column{*column.field.dictionary, *column.array.dictionary};
}

/// What rows go to which key: names of columns, or a code for each row.
class Split {
 public:
  Split(py::handle by, std::size_t count, std::optional<std::string> null_key)
      : count_(count), null_key_(std::move(null_key)) {
    if (py::isinstance<py::list>(by)) {
      names_ = py::cast<std::vector<std::string>>(by);
      return;
    }
    const auto size = static_cast<std::size_t>(py::len(by));
    memory_ = memory_of(by.ptr(), size * sizeof(std::int64_t));
    codes_ = {reinterpret_cast<const std::int64_t*>(memory_.get()), size};
  }

  /// Of the next rows.
  KeyedGroups groups(const Column& table) {
    if (!names_.empty()) return group_by_columns(table, names_, null_key_);
    const std::size_t rows = elements(table);
    check_codes(rows);
    const std::span<const std::int64_t> codes = codes_.first(rows);
    codes_ = codes_.subspan(rows);
    return group_by_codes(codes, count_);
  }

  [[nodiscard]] bool has_more_codes_than(std::size_t rows) const noexcept { return codes_.size() > rows; }

  /// Throws InvalidArgumentError unless that many rows are left.
  void expect_rows(std::size_t rows) const {
    if (!names_.empty()) return;
    check_codes(rows);
    if (rows < codes_.size()) throw InvalidArgumentError("there are more codes than rows");
  }

 private:
  void check_codes(std::size_t rows) const {
    if (rows > codes_.size()) throw InvalidArgumentError("there are fewer codes than rows");
  }

  std::vector<std::string> names_;
  Memory memory_;
  std::span<const std::int64_t> codes_;
  std::size_t count_;
  std::optional<std::string> null_key_;
};

void check_rows(const Column& table) {
  if (table.array.length >= std::int64_t{1} << 32)
    throw TooLargeError("a batch has more than 2^32 rows: give smaller ones");
}

void scatter(py::handle self, py::handle source, py::handle by, std::size_t count, py::handle null_key, bool sync,
             py::handle id) {
  const StoreInUse store = store_of(self.ptr());
  Borrowed borrowed;
  std::optional<std::string> key;
  if (!null_key.is_none()) key = borrowed.key(null_key.ptr());
  Split split(by, count, std::move(key));
  AppendOptions options{.sync = sync};
  if (!id.is_none()) options.id = batch_id_of(id.ptr());
  // A signal may interrupt each append, and not all of them together: those before it would be made again.
  Scattering scattering(*store, options, [&](std::span<const Entry> entries, const AppendOptions& batch_options) {
    const py::gil_scoped_acquire acquired;
    without_gil([&] { store->append_batch(entries, batch_options); });
  });
  const auto add = [&](const Column& table) {
    check_rows(table);
    scattering.add(table, split.groups(table));
  };
  if (py::isinstance<py::list>(source)) {
    const auto tables = py::cast<std::vector<Column>>(source);
    const GilReleased released;
    std::size_t rows = 0;
    for (const Column& table : tables) rows += elements(table);
    split.expect_rows(rows);
    std::for_each(tables.begin(), tables.end(), add);
    scattering.finish();
    return;
  }
  auto& stream = pointer_in<ArrowArrayStream>(source, "arrow_array_stream");
  const GilReleased released;
  ImportedStream batches(stream);
  std::optional<Array> rows = batches.next();
  if (!rows) {
    split.expect_rows(0);
    add(concatenate(batches.schema(), {}));  // its columns decide, too
  }
  while (rows) {
    const Column table{batches.schema(), std::move(*rows)};
    std::optional<Array> next;
    if (split.has_more_codes_than(elements(table))) {
      next = batches.next();
      if (!next) split.expect_rows(elements(table));  // throws before the last rows are appended
    }
    add(table);
    if (!options.id) scattering.finish();
    rows = next ? std::move(next) : batches.next();
  }
  scattering.finish();
}

Column gather_keys(py::handle self, const py::list& list) {
  const StoreInUse store = store_of(self.ptr());
  Borrowed borrowed;
  const std::vector<std::string_view> keys = borrowed.keys(list.ptr());
  return without_gil([&] { return gather(*store, keys); });
}

}  // namespace

void add_tables(py::module_& module) {
  py::class_<Buffer>(module, "Buffer", py::buffer_protocol()).def_buffer([](const Buffer& buffer) {
    auto* const memory = const_cast<std::byte*>(buffer.memory.get());
    return py::buffer_info(reinterpret_cast<std::uint8_t*>(memory), static_cast<py::ssize_t>(buffer.size));
  });
  py::class_<Column>(module, "Column")
      .def(py::init(&column_of_values))
      .def_static("structure", &structure)
      .def_static("of_objects",
                  [](const std::string& name, py::handle objects, py::handle missing) {
                    return column_of_objects(name, objects.ptr(), missing.ptr());
                  })
      .def_static("imported", &imported_column)
      .def_property_readonly("name", [](const Column& column) { return column.field.name; })
      .def_property_readonly("format", [](const Column& column) { return column.field.format; })
      .def_property_readonly("is_ordered", [](const Column& column) { return column.field.is_ordered; })
      .def_property_readonly("null_count", [](const Column& column) { return column.array.null_count; })
      .def_property("metadata", &metadata, &set_metadata)
      .def("narrow", [](Column& column) { column.field.stored_offsets = StoredOffsets::small; })
      .def_property_readonly("children", &children)
      .def_property_readonly("dictionary", &dictionary)
      .def_property_readonly("validity", &validity)
      .def_property_readonly("values", &values)
      .def("fill", [](const Column& column, py::handle objects,
                      py::handle missing) { fill_with_objects(column, objects.ptr(), missing.ptr()); })
      .def("__len__", &elements)
      .def("__arrow_c_schema__", &schema_capsule)
      .def(
          "__arrow_c_array__",
          [](const Column& column, py::handle) {
            return py::make_tuple(schema_capsule(column), array_capsule(column));
          },
          py::arg("requested_schema") = py::none())
      .def(
          "__arrow_c_stream__", [](const Column& table, py::handle) { return stream_capsule(table); },
          py::arg("requested_schema") = py::none());
  module.def("scatter", &scatter);
  module.def("gather", &gather_keys);
}

}  // namespace accrete::python
