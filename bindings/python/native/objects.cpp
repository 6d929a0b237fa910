#include "objects.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <cstring>
#include <span>

#include "table/interner.hpp"

namespace accrete::python {
namespace {

/// A view of an array of objects.
class Objects {
 public:
  Objects(PyObject* exporter, int flags) {
    if (PyObject_GetBuffer(exporter, &view_, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags) != 0) throw PythonErrorSet{};
    if (view_.format && std::string_view(view_.format) == "O") return;
    PyBuffer_Release(&view_);
    throw_type_error("expected an array of objects, not a %s", exporter);
  }
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;
  ~Objects() { PyBuffer_Release(&view_); }

  [[nodiscard]] std::span<PyObject*> all() const noexcept {
    return {static_cast<PyObject**>(view_.buf), static_cast<std::size_t>(view_.len) / sizeof(PyObject*)};
  }

 private:
  Py_buffer view_{};
};

bool is_missing(PyObject* object, PyObject* missing) noexcept {
  if (!object || object == Py_None || object == missing) return true;
  if (!PyFloat_Check(object)) return false;
  const double number = PyFloat_AS_DOUBLE(object);
  return number != number;
}

std::string_view utf8_of(PyObject* text) {
  if (PyUnicode_IS_COMPACT_ASCII(text)) {
    return {static_cast<const char*>(PyUnicode_DATA(text)), static_cast<std::size_t>(PyUnicode_GET_LENGTH(text))};
  }
  Py_ssize_t size = 0;
  const char* const utf8 = PyUnicode_AsUTF8AndSize(text, &size);
  if (!utf8) throw PythonErrorSet{};
  return {utf8, static_cast<std::size_t>(size)};
}

/// Of the first of the objects that is not missing; strings if all are.
bool are_bytes(std::span<PyObject* const> objects, PyObject* missing) noexcept {
  for (PyObject* const object : objects) {
    if (!is_missing(object, missing)) return PyBytes_Check(object);
  }
  return false;
}

std::string_view bytes_of(const std::string& name, PyObject* object, bool is_bytes) {
  if (!is_bytes && PyUnicode_Check(object)) return utf8_of(object);
  if (is_bytes && PyBytes_Check(object)) {
    return {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
  }
  PyErr_Format(PyExc_TypeError,
               "column '%s' holds Python objects, such as a %s, and not only str or only bytes: give it a dtype "
               "(astype), or say objects='pickle'",
               name.c_str(), Py_TYPE(object)->tp_name);
  throw PythonErrorSet{};
}

Memory validity_without(const std::vector<std::size_t>& nulls, std::size_t count) {
  const auto bits = allocate((count + 7) / 8);
  std::memset(bits.get(), 0xFF, (count + 7) / 8);
  for (const std::size_t index : nulls) bits.get()[index / 8] &= ~static_cast<std::byte>(1U << (index % 8));
  return bits;
}

/// Of UTF-8, at once where it is ASCII.
Reference new_text(std::string_view utf8) {
  const bool is_ascii =
      std::none_of(utf8.begin(), utf8.end(), [](char byte) { return static_cast<signed char>(byte) < 0; });
  if (!is_ascii) {
    if (PyObject* const decoded = PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), nullptr)) {
      return Reference::own(decoded);
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) throw PythonErrorSet{};
    PyErr_Clear();
    throw CorruptionError("a string of a table is no UTF-8");
  }
  Reference made = Reference::own(PyUnicode_New(static_cast<Py_ssize_t>(utf8.size()), 127));
  if (!utf8.empty()) std::memcpy(PyUnicode_DATA(made.get()), utf8.data(), utf8.size());
  return made;
}

struct Release {
  void operator()(const std::byte*) const noexcept {
    const PyGILState_STATE state = PyGILState_Ensure();
    PyBuffer_Release(view.get());
    PyGILState_Release(state);
  }
  std::shared_ptr<Py_buffer> view;
};

}  // namespace

Memory memory_of(PyObject* exporter, std::size_t min_size) {
  const auto view = std::make_shared<Py_buffer>();
  if (PyObject_GetBuffer(exporter, view.get(), PyBUF_C_CONTIGUOUS) != 0) throw PythonErrorSet{};
  Memory memory(static_cast<const std::byte*>(view->buf), Release{view});
  if (static_cast<std::size_t>(view->len) < min_size) throw InvalidArgumentError("a buffer of a column is too small");
  return memory;
}

Column column_of_objects(const std::string& name, PyObject* objects, PyObject* missing) {
  const Objects held(objects, 0);
  const std::span<PyObject* const> all = held.all();
  const bool is_bytes = are_bytes(all, missing);
  const auto offsets = std::make_shared<std::vector<std::int64_t>>();
  const auto bytes = std::make_shared<std::string>();
  std::vector<std::size_t> nulls;
  offsets->reserve(all.size() + 1);
  offsets->push_back(0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    constexpr std::size_t ahead = 16;  // objects lie anywhere
    if (i + ahead < all.size()) __builtin_prefetch(all[i + ahead]);
    if (is_missing(all[i], missing)) {
      nulls.push_back(i);
    } else {
      bytes->append(bytes_of(name, all[i], is_bytes));
    }
    offsets->push_back(static_cast<std::int64_t>(bytes->size()));
  }
  Column column;
  column.field.name = name;
  column.field.stored_offsets = StoredOffsets::small;
  set_format(column.field, is_bytes ? "Z" : "U");
  column.array.length = static_cast<std::int64_t>(all.size());
  column.array.null_count = static_cast<std::int64_t>(nulls.size());
  if (!nulls.empty()) column.array.buffers[0] = validity_without(nulls, all.size());
  column.array.buffers[1] = {offsets, reinterpret_cast<const std::byte*>(offsets->data())};
  column.array.buffers[2] = {bytes, reinterpret_cast<const std::byte*>(bytes->data())};
  return column;
}

void fill_with_objects(const Column& column, PyObject* objects, PyObject* missing) {
  const Objects held(objects, PyBUF_WRITABLE);
  const std::span<PyObject*> all = held.all();
  const bool is_text = column.field.format == "u" || column.field.format == "U";
  if (all.size() != static_cast<std::size_t>(column.array.length))
    throw InvalidArgumentError("an array has another length");
  Interner<std::string_view> interner;
  std::vector<Reference> known;
  for (std::size_t i = 0; i < all.size(); ++i) {
    PyObject* object = missing;
    if (!is_null(column.array, i)) {
      const std::string_view bytes = bytes_at(column.field, column.array, i);
      const auto size = static_cast<Py_ssize_t>(bytes.size());
      const std::uint32_t number = interner.number_of(bytes);
      if (number == known.size()) {
        known.push_back(is_text ? new_text(bytes) : Reference::own(PyBytes_FromStringAndSize(bytes.data(), size)));
      }
      object = known[number].get();
    }
    Py_INCREF(object);
    Py_XDECREF(std::exchange(all[i], object));
  }
}

}  // namespace accrete::python
