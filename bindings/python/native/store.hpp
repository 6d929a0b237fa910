// accrete._native.Store: the base of the Python class accrete.Store.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>

#include "python.hpp"

namespace accrete::python {

/// Adds the type to the module. Throws PythonErrorSet.
void add_store_type(PyObject* module);

/// Has an object of the type stand for `store`. Throws PythonErrorSet if it is of another type.
void set_store(PyObject* object, std::shared_ptr<Store> store);

/// What it stands for. Throws InvalidArgumentError if it has been closed.
[[nodiscard]] std::shared_ptr<Store> store_of(PyObject* object);

}  // namespace accrete::python
