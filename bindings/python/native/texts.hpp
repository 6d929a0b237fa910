// Lists of texts, such as keys, for Python.
#pragma once

#include <pybind11/pybind11.h>
#include <string>
#include <vector>

#include "python.hpp"

namespace accrete::python {

[[nodiscard]] inline pybind11::list texts(const std::vector<std::string>& bytes) {
  pybind11::list list;
  for (const std::string& one : bytes) list.append(pybind11::reinterpret_steal<pybind11::object>(text(one).release()));
  return list;
}

}  // namespace accrete::python
