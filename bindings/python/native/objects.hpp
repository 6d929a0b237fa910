// Columns from and to Python's objects: str, bytes and None.
#pragma once

#include "python.hpp"
#include "table/field.hpp"

namespace accrete::python {

/// Memory of an object that exports a contiguous buffer, which is held as long as it.
[[nodiscard]] Memory memory_of(PyObject* exporter, std::size_t min_size);

/// Of an array of objects that exports a buffer: strings ("U") or bytes ("Z"), of which None, NaN and `missing` are
/// nulls. Throws PythonErrorSet, with TypeError for other objects.
[[nodiscard]] Column column_of_objects(const std::string& name, PyObject* objects, PyObject* missing);

/// The other way, into such an array: equal strings are one object, and nulls are `missing`.
void fill_with_objects(const Column& column, PyObject* objects, PyObject* missing);

}  // namespace accrete::python
