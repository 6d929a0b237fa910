// What accrete.partd's Dict and Buffer do a key: a dict of lists, which refer to the bytes that were appended.
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "partd.hpp"

namespace accrete::python {
namespace {

/// The bytes as they are; of what may be changed later, a copy.
Reference as_bytes(PyObject* value) {
  if (PyBytes_CheckExact(value)) return Reference::borrow(value);
  Borrowed borrowed;
  return bytes_object(borrowed.bytes(value));
}

struct Piece {
  Reference key;
  Reference bytes;
};

/// All are looked at before anything is changed.
std::vector<Piece> pieces_of(PyObject* dict) {
  std::vector<Piece> pieces;
  for_each_item(dict, [&](PyObject* key, PyObject* value) {
    pieces.push_back({Reference::borrow(key), as_bytes(value)});
  });
  return pieces;
}

/// Borrowed; null if there is none.
PyObject* find(PyObject* dict, PyObject* key) {
  PyObject* const found = PyDict_GetItemWithError(dict, key);
  if (!found && PyErr_Occurred()) throw PythonErrorSet{};
  return found;
}

PyObject* find_list(PyObject* lists, PyObject* key) {
  PyObject* const list = find(lists, key);
  if (list && !PyList_Check(list)) throw_type_error("a Dict's data are lists of bytes, not %s", list);
  return list;
}

void append_piece(PyObject* lists, const Piece& piece) {
  if (PyObject* const list = find_list(lists, piece.key.get())) {
    if (PyList_Append(list, piece.bytes.get()) != 0) throw PythonErrorSet{};
    return;
  }
  const Reference list = Reference::own(PyList_New(1));
  PyList_SET_ITEM(list.get(), 0, Reference::borrow(piece.bytes.get()).release());
  if (PyDict_SetItem(lists, piece.key.get(), list.get()) != 0) throw PythonErrorSet{};
}

void add_to_length(PyObject* lengths, const Piece& piece) {
  PyObject* const before = find(lengths, piece.key.get());
  const Reference size = Reference::own(PyLong_FromSsize_t(PyBytes_GET_SIZE(piece.bytes.get())));
  const Reference sum = before ? Reference::own(PyNumber_Add(before, size.get())) : Reference::borrow(size.get());
  if (PyDict_SetItem(lengths, piece.key.get(), sum.get()) != 0) throw PythonErrorSet{};
}

/// partd_dict_append(lists, data, lengths): how many bytes were appended. `lengths`, of a Buffer, or None.
PyObject* append(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_dict_append()", 3, count);
    Py_ssize_t sum = 0;
    for (const Piece& piece : pieces_of(arguments[1])) {
      append_piece(arguments[0], piece);
      if (arguments[2] != Py_None) add_to_length(arguments[2], piece);
      sum += PyBytes_GET_SIZE(piece.bytes.get());
    }
    return Reference::own(PyLong_FromSsize_t(sum));
  });
}

std::string_view view_of(PyObject* piece) {
  if (!PyBytes_Check(piece)) throw_type_error("a Dict's data are lists of bytes, not of %s", piece);
  return {PyBytes_AS_STRING(piece), static_cast<std::size_t>(PyBytes_GET_SIZE(piece))};
}

Reference joined(PyObject* list) {
  const Py_ssize_t count = list ? PyList_GET_SIZE(list) : 0;
  if (count == 1 && PyBytes_CheckExact(PyList_GET_ITEM(list, 0))) return Reference::borrow(PyList_GET_ITEM(list, 0));
  std::size_t size = 0;
  for (Py_ssize_t i = 0; i < count; ++i) size += view_of(PyList_GET_ITEM(list, i)).size();
  Reference value = Reference::own(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  char* to = PyBytes_AS_STRING(value.get());
  for (Py_ssize_t i = 0; i < count; ++i) {
    const std::string_view piece = view_of(PyList_GET_ITEM(list, i));
    to = std::copy(piece.begin(), piece.end(), to);
  }
  return value;
}

/// partd_dict_get(lists, keys): the values, as a list.
PyObject* get(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_dict_get()", 2, count);
    const Reference keys = Reference::own(PySequence_Fast(arguments[1], "keys are a list"));
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(keys.get());
    Reference values = Reference::own(PyList_New(size));
    for (Py_ssize_t i = 0; i < size; ++i) {
      PyObject* const list = find_list(arguments[0], PySequence_Fast_GET_ITEM(keys.get(), i));
      PyList_SET_ITEM(values.get(), i, joined(list).release());
    }
    return values;
  });
}

auto functions = std::to_array<PyMethodDef>({
    {"partd_dict_append", as_function(append), METH_FASTCALL, nullptr},
    {"partd_dict_get", as_function(get), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
});

}  // namespace

void add_partd_dict(PyObject* module) { add_to(module, functions.data()); }

}  // namespace accrete::python
