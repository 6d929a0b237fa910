// What of tables Python calls.
#pragma once

#include <pybind11/pybind11.h>

namespace accrete::python {

void add_tables(pybind11::module_& module);

}  // namespace accrete::python
