#include "typed.hpp"

#include <accrete/columns.hpp>
#include <accrete/numeric.hpp>
#include <deque>
#include <pybind11/stl.h>
#include <string>
#include <tuple>
#include <vector>

#include "arguments.hpp"
#include "store.hpp"
#include "texts.hpp"

namespace py = pybind11;

namespace accrete::python {
namespace {

/// By its name, such as "int32" and "bool", which is numpy's, too.
NumberType number_type_named(std::string_view name) {
  for (auto number = static_cast<int>(NumberType::int8); number <= static_cast<int>(NumberType::boolean); ++number) {
    const auto type = static_cast<NumberType>(number);
    if (name_of(type) == name) return type;
  }
  throw InvalidArgumentError("there is no type of numbers " + std::string(name));
}

/// Name, type and offset of each field; a number has one field without a name.
using Fields = std::vector<std::tuple<std::string, std::string, std::size_t>>;

std::optional<BatchId> batch_id(const py::object& id) {
  return id.is_none() ? std::nullopt : std::optional(batch_id_of(id.ptr()));
}

/// Runs `work` with the bytes of a key and without the GIL, while the store that an object stands for is in use.
template <typename Work>
auto with_key(const py::object& store, py::handle key, Work work) {
  const StoreInUse in_use = store_of(store.ptr());
  Borrowed borrowed;
  const std::string_view bytes = borrowed.key(key.ptr());
  return without_gil([&] { return work(bytes); });
}

/// Looks at a Store object, which it keeps, and not at the store: who closes that does so though this is there.
class ElementValues {
 public:
  ElementValues(py::object store, std::size_t element_size, Fields fields)
      : object_(std::move(store)),
        fields_(std::move(fields)),
        values_(*store_of(object_.ptr()), layout(element_size)) {}

  void append(py::handle entries, bool sync, std::optional<std::uint64_t> expect_size, const py::object& id) {
    const AppendOptions options{.sync = sync, .expect_size = expect_size, .id = batch_id(id)};
    const StoreInUse store = store_of(object_.ptr());
    Borrowed borrowed;
    const std::vector<Entry> batch = borrowed.entries(entries.ptr());
    without_gil([&] { values_.append_batch(batch, options); });
  }

  /// How many elements were copied to the front of `elements`.
  std::size_t get_into(py::handle key, py::handle elements) const {
    const WritableBuffer to(elements.ptr());
    return with_key(object_, key, [&](std::string_view bytes) {
      return values_.get_into(bytes, std::as_writable_bytes(to.bytes()));
    });
  }

  [[nodiscard]] std::optional<std::uint64_t> size(py::handle key) const {
    return with_key(object_, key, [&](std::string_view bytes) { return values_.size(bytes); });
  }

  void erase(py::handle key) {
    with_key(object_, key, [&](std::string_view bytes) { values_.erase(bytes); });
  }

  [[nodiscard]] const py::object& store() const noexcept { return object_; }

 private:
  [[nodiscard]] detail::ElementLayout layout(std::size_t element_size) const {
    detail::ElementLayout layout{.size = element_size, .is_struct = !std::get<0>(fields_.front()).empty()};
    for (const auto& [name, type, offset] : fields_) {
      layout.fields.push_back({.name = name, .type = number_type_named(type), .offset = offset});
    }
    return layout;
  }

  py::object object_;
  Fields fields_;  // which own the names
  detail::ElementValues values_;
};

/// As ElementValues, of a table a key.
class ColumnValues {
 public:
  explicit ColumnValues(py::object store) : object_(std::move(store)), columns_(*store_of(object_.ptr())) {}

  /// `columns`: name, type and numbers of each.
  void append(py::handle key, const std::vector<std::tuple<std::string, std::string, py::object>>& columns, bool sync,
              const py::object& id) {
    const AppendOptions options{.sync = sync, .id = batch_id(id)};
    const StoreInUse store = store_of(object_.ptr());
    Borrowed borrowed;
    const std::string_view bytes = borrowed.key(key.ptr());
    std::vector<Column> rows;
    rows.reserve(columns.size());
    for (const auto& [name, type, numbers] : columns) {
      rows.push_back({.name = name, .type = number_type_named(type), .bytes = borrowed.bytes(numbers.ptr())});
    }
    without_gil([&] { columns_.append(bytes, rows, options); });
  }

  /// `room(index, type, max_rows)` returns the writable buffer for a column; how many rows there were.
  std::size_t get_into(py::handle key, const std::vector<std::string>& names, const py::function& room) const {
    std::deque<WritableBuffer> rooms;
    const auto make_room = [&](std::size_t index, NumberType type, std::size_t max_rows) {
      const py::gil_scoped_acquire acquired;
      const py::object buffer = room(index, std::string(name_of(type)), max_rows);
      return std::as_writable_bytes(rooms.emplace_back(buffer.ptr()).bytes());
    };
    const std::vector<std::string_view> columns(names.begin(), names.end());
    return with_key(object_, key, [&](std::string_view bytes) { return columns_.get_into(bytes, columns, make_room); });
  }

  /// Their names and types.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> columns(py::handle key) const {
    std::vector<std::pair<std::string, std::string>> columns;
    for (const ColumnType& column :
         with_key(object_, key, [&](std::string_view bytes) { return columns_.columns(bytes); })) {
      columns.emplace_back(column.name, name_of(column.type));
    }
    return columns;
  }

  [[nodiscard]] std::optional<std::uint64_t> rows(py::handle key) const {
    return with_key(object_, key, [&](std::string_view bytes) { return columns_.rows(bytes); });
  }

  [[nodiscard]] py::list keys(py::handle prefix) const {
    return texts(with_key(object_, prefix, [&](std::string_view bytes) { return columns_.keys(bytes); }));
  }

  void erase(py::handle key) {
    with_key(object_, key, [&](std::string_view bytes) { columns_.erase(bytes); });
  }

  [[nodiscard]] const py::object& store() const noexcept { return object_; }

 private:
  py::object object_;
  Columns columns_;
};

/// Lets the garbage collector see the Store object that one of `Values` keeps, which may in turn keep that.
template <typename Values>
void visit_store(PyHeapTypeObject* heap_type) {
  PyTypeObject& type = heap_type->ht_type;
  type.tp_flags |= Py_TPFLAGS_HAVE_GC;
  type.tp_traverse = [](PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    const py::detail::value_and_holder held = reinterpret_cast<py::detail::instance*>(self)->get_value_and_holder();
    if (held.holder_constructed()) Py_VISIT(static_cast<const Values*>(held.value_ptr())->store().ptr());
    return 0;
  };
}

}  // namespace

void add_typed_classes(py::module_& module) {
  py::class_<ElementValues>(module, "ElementValues", py::custom_type_setup(visit_store<ElementValues>))
      .def(py::init<py::object, std::size_t, Fields>())
      .def("append", &ElementValues::append)
      .def("get_into", &ElementValues::get_into)
      .def("size", &ElementValues::size)
      .def("erase", &ElementValues::erase);
  py::class_<ColumnValues>(module, "ColumnValues", py::custom_type_setup(visit_store<ColumnValues>))
      .def(py::init<py::object>())
      .def("append", &ColumnValues::append)
      .def("get_into", &ColumnValues::get_into)
      .def("columns", &ColumnValues::columns)
      .def("rows", &ColumnValues::rows)
      .def("keys", &ColumnValues::keys)
      .def("erase", &ColumnValues::erase);
}

}  // namespace accrete::python
