// Lists of texts, such as keys, for Python.
#pragma once

#include <pybind11/pybind11.h>
#include <string>
#include <vector>

namespace accrete::python {

[[nodiscard]] pybind11::list texts(const std::vector<std::string>& bytes);

}  // namespace accrete::python
