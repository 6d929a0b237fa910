// accrete._native.ElementValues and .ColumnValues: what accrete.Numeric and accrete.Columns are made of.
#pragma once

#include <pybind11/pybind11.h>

namespace accrete::python {

void add_typed_classes(pybind11::module_& module);

}  // namespace accrete::python
