#include "texts.hpp"

#include "python.hpp"

namespace py = pybind11;

namespace accrete::python {

py::list texts(const std::vector<std::string>& bytes) {
  py::list list;
  for (const std::string& one : bytes) list.append(py::reinterpret_steal<py::object>(text(one).release()));
  return list;
}

}  // namespace accrete::python
