// accrete._native: what of the package is C++. Everything is called by position, from the Python files beside it, which
// name, document and check the arguments that users give.
#include <accrete/accrete.hpp>
#include <array>
#include <chrono>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "arguments.hpp"
#include "key_packing.hpp"
#include "partd.hpp"
#include "shared_store.hpp"
#include "signals.hpp"
#include "store.hpp"
#include "tables.hpp"
#include "texts.hpp"
#include "typed.hpp"

namespace py = pybind11;

namespace accrete::python {
namespace {

std::chrono::milliseconds milliseconds(double seconds) {
  constexpr double max_seconds = 1e9;
  if (!(seconds >= 0 && seconds <= max_seconds)) throw InvalidArgumentError("a time is from 0 to 1e9 seconds");
  return std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

std::optional<Durability> durability_named(const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  if (*name == "memory") return Durability::memory;
  if (*name == "os") return Durability::os;
  if (*name == "sync") return Durability::sync;
  if (*name == "replicated") return Durability::replicated;
  throw InvalidArgumentError("a durability is 'memory', 'os', 'sync' or 'replicated', not '" + *name + "'");
}

OpenOptions open_options(double lock_timeout, std::size_t max_open_files, std::optional<std::uint64_t> buffer_bytes,
                         const std::optional<std::string>& durability, double timeout, const std::string& server_key,
                         const std::string& key_file) {
  OpenOptions options;
  options.lock_timeout = milliseconds(lock_timeout);
  options.max_open_files = max_open_files;
  if (buffer_bytes) options.buffer = BufferOptions{.limit_bytes = *buffer_bytes};
  options.durability = durability_named(durability);
  options.client.timeout = milliseconds(timeout);
  options.client.server_key = server_key;
  if (!key_file.empty()) options.client.keys = read_key_pair(key_file);
  return options;
}

/// A temporary dataset that can be removed before it is destroyed.
class RemovableDataset {
 public:
  explicit RemovableDataset(const std::string& directory)
      : dataset_(create_temporary(directory)), url_(dataset_->url()) {}

  void remove() { dataset_.reset(); }
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  std::optional<TemporaryDataset> dataset_;
  std::string url_;
};

CreateOptions create_options(bool adopt, const std::optional<std::string>& codec, const std::string& layout) {
  CreateOptions options;
  options.adopt = adopt;
  if (codec) options.codec = parse_codec(*codec);
  options.layout = layout;
  return options;
}

void put_entries(const std::string& url, py::handle pairs, bool sync) {
  Borrowed borrowed;
  const std::vector<Entry> entries = borrowed.entries(pairs.ptr());
  without_gil([&] { put(url, entries, {.sync = sync}); });
}

py::list get_values(const std::string& url, const py::list& list) {
  Borrowed borrowed;
  const std::vector<std::string_view> keys = borrowed.keys(list.ptr());
  const std::vector<std::string> values = without_gil([&] { return get(url, keys); });
  py::list result;
  for (const std::string& value : values) result.append(py::bytes(value));
  return result;
}

py::tuple verify_dataset(const std::string& url, bool repair) {
  const VerifyReport report = without_gil([&] { return verify(url, {.repair = repair}); });
  return py::make_tuple(texts(report.problems), texts(report.repairs), report.counted.keys, report.counted.bytes);
}

py::tuple info_of(const std::string& url) {
  const DatasetInfo found = without_gil([&] { return info(url); });
  return py::make_tuple(found.format_version, found.layout, found.codec, found.uuid);
}

py::list sweep_directory(const std::string& directory) {
  return texts(without_gil([&] { return sweep(directory); }));
}

void translate(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(std::move(error));
  } catch (const Error&) {
    set_python_error();
  } catch (const PythonErrorSet&) {
    // It is set.
  }
}

void add_functions(py::module_& module) {
  // A path is bytes, since it need not be text.
  module.def("create", [](const std::string& url, bool adopt, const std::optional<std::string>& codec,
                          const std::string& layout) {
    without_gil([&] { create(url, create_options(adopt, codec, layout)); });
  });
  module.def("destroy", [](const std::string& url) { without_gil([&] { accrete::destroy(url); }); });
  module.def("put", put_entries);
  module.def("get", get_values);
  module.def("verify", verify_dataset);
  module.def("info", info_of);
  module.def("sweep", sweep_directory);
  module.def("codec_names", codec_names);
  module.def("pack_key", [](py::handle key) { return py::bytes(pack_key(key.ptr())); });
  module.def("unpack_key", [](py::handle key) {
    std::string packed;
    return py::reinterpret_steal<py::object>(unpack_key(key_bytes(key.ptr(), packed)).release());
  });
}

void add_factories(py::module_& module) {
  module.def("open", [](py::handle self, const std::string& url, double lock_timeout, std::size_t max_open_files,
                        std::optional<std::uint64_t> buffer_bytes, const std::optional<std::string>& durability,
                        double timeout, const std::string& server_key, const std::string& key_file) {
    const OpenOptions options =
        open_options(lock_timeout, max_open_files, buffer_bytes, durability, timeout, server_key, key_file);
    set_store(self.ptr(), without_gil([&] { return open(url, options); }));
  });
  module.def("memory", [](py::handle self) { set_store(self.ptr(), memory_store()); });
  module.def("buffered", [](py::handle self, py::handle next, std::uint64_t limit_bytes) {
    auto shared = std::make_unique<SharedStore>(store_of(next.ptr()).shared());
    set_store(self.ptr(), without_gil([&] { return buffered(std::move(shared), {.limit_bytes = limit_bytes}); }));
  });
  module.def("compressed", [](py::handle self, py::handle next, const std::string& codec) {
    auto shared = std::make_unique<SharedStore>(store_of(next.ptr()).shared());
    set_store(self.ptr(), without_gil([&] { return compressed(std::move(shared), parse_codec(codec)); }));
  });
  py::class_<RemovableDataset>(module, "TemporaryDataset")
      .def(py::init<const std::string&>(), py::call_guard<py::gil_scoped_release>())
      .def("remove", &RemovableDataset::remove, py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("url", [](const RemovableDataset& dataset) { return py::bytes(dataset.url()); });
}

/// Its types are the process's, and of one interpreter.
void refuse_to_fill_again() {
  static bool is_filled = false;
  const char* problem = nullptr;
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    problem = "accrete cannot be imported in a subinterpreter: use it in the main one, or in another process";
  } else if (is_filled) {
    problem = "accrete._native cannot be imported more than once in a process";
  }
  if (problem) {
    PyErr_SetString(PyExc_ImportError, problem);
    throw PythonErrorSet{};
  }
  is_filled = true;
}

int fill(PyObject* object) noexcept {
  try {
    refuse_to_fill_again();
    py::register_exception_translator(translate);
    auto module = py::reinterpret_borrow<py::module_>(object);
    add_store_type(object);
    add_functions(module);
    add_factories(module);
    add_typed_classes(module);
    add_tables(module);
    add_partd(object);
    watch_signals();
    return 0;
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (...) {
    set_python_error();
  }
  return -1;
}

}  // namespace
}  // namespace accrete::python

/// What pybind11's own macro makes is not asked again for another interpreter, which would get this one's objects.
PyMODINIT_FUNC PyInit__native() {  // NOLINT(readability-identifier-naming,bugprone-reserved-identifier): Python's
  static auto slots = std::to_array<PyModuleDef_Slot>({
      {Py_mod_exec, reinterpret_cast<void*>(accrete::python::fill)},
      {},
  });
  static PyModuleDef definition = {
      .m_base = PyModuleDef_HEAD_INIT,
      .m_name = "accrete._native",
      .m_doc = nullptr,
      .m_size = 0,
      .m_methods = nullptr,
      .m_slots = slots.data(),
      .m_traverse = nullptr,
      .m_clear = nullptr,
      .m_free = nullptr,
  };
  return PyModuleDef_Init(&definition);
}
