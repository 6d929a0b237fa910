// What the module is made of: references, the GIL, and errors that cross between C++ and Python.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <accrete/error.hpp>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace accrete::python {

/// Thrown where a Python exception is set already.
struct PythonErrorSet {};

/// A reference that is owned. To be destroyed with the GIL held.
class Reference {
 public:
  Reference() = default;
  /// Takes over a new reference, such as the C API returns. Throws PythonErrorSet if it is null.
  static Reference own(PyObject* object) {
    if (!object) throw PythonErrorSet{};
    return Reference(object);
  }
  static Reference borrow(PyObject* object) {
    Py_INCREF(object);
    return Reference(object);
  }
  Reference(Reference&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Reference& operator=(Reference&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Reference() { Py_XDECREF(object_); }

  [[nodiscard]] PyObject* get() const noexcept { return object_; }
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }

 private:
  explicit Reference(PyObject* object) noexcept : object_(object) {}

  PyObject* object_ = nullptr;
};

/// While one lives, other threads may run Python. For what must not be interrupted; else without_gil, of signals.hpp.
class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  ~GilReleased() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      // A forced unwinding: the interpreter has ended, and so would this thread, but what its stack refers to is no
      // object any more.
      while (true) ::pause();
    }
  }
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* state_;
};

/// The Python exception that stands for it.
[[nodiscard]] Reference exception_of(const UnknownOutcomeError& error);

/// For a handler: sets the Python exception that stands for the one that is handled.
void set_python_error() noexcept;

/// Runs the body of a function of the C API; null if it throws.
template <typename Body>
PyObject* guarded(Body body) noexcept {
  try {
    return body().release();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

/// Throws PythonErrorSet; `format` has one %s, for the name of the object's type.
[[noreturn]] void throw_type_error(const char* format, PyObject* object);

/// Of UTF-8, or of bytes that are none: as lone surrogates, which os.fsdecode makes, too.
[[nodiscard]] Reference text(std::string_view bytes);

[[nodiscard]] inline Reference none() noexcept { return Reference::borrow(Py_None); }

/// The name of an attribute, as the text that all have for it: Python's cache of what types have keeps others alive.
[[nodiscard]] inline Reference interned(const char* name) { return Reference::own(PyUnicode_InternFromString(name)); }

[[nodiscard]] inline Reference attribute_of(PyObject* object, const char* name) {
  return Reference::own(PyObject_GetAttr(object, interned(name).get()));
}

}  // namespace accrete::python
