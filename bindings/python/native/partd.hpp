// The native functions of accrete.partd, which does without a line of Python a key.
#pragma once

#include <string>

#include "python.hpp"

namespace accrete::python {

/// Each adds to the module what its source file has.
void add_partd_dict(PyObject* module);
void add_partd_files(PyObject* module);
void add_partd_frames(PyObject* module);
void add_partd_locks(PyObject* module);
void add_partd_tables(PyObject* module);

inline void add_partd(PyObject* module) {
  add_partd_dict(module);
  add_partd_files(module);
  add_partd_frames(module);
  add_partd_locks(module);
  add_partd_tables(module);
}

template <typename Function>
PyCFunction as_function(Function function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

inline void add_to(PyObject* module, PyMethodDef* functions) {
  if (PyModule_AddFunctions(module, functions) != 0) throw PythonErrorSet{};
}

/// Throws PythonErrorSet.
inline void expect_arguments(const char* function, Py_ssize_t expected, Py_ssize_t given) {
  if (given == expected) return;
  PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, but %zd were given", function, expected, given);
  throw PythonErrorSet{};
}

/// Calls `take(key, value)` for each of a dict's items.
template <typename Take>
void for_each_item(PyObject* dict, Take take) {
  if (!PyDict_Check(dict)) throw_type_error("a dict is expected, not %s", dict);
  Py_ssize_t at = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &at, &key, &value) != 0) take(key, value);
}

/// The bytes of a str, bytes or os.PathLike.
[[nodiscard]] inline std::string path_of(PyObject* object) {
  PyObject* bytes = nullptr;
  if (PyUnicode_FSConverter(object, &bytes) == 0) throw PythonErrorSet{};
  const Reference held = Reference::own(bytes);
  return PyBytes_AS_STRING(bytes);
}

[[nodiscard]] inline Reference bytes_object(std::string_view bytes) {
  return Reference::own(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

}  // namespace accrete::python
