// The exceptions of accrete.errors that stand for those of C++.
#include <accrete/accrete.hpp>
#include <exception>
#include <new>
#include <string>

#include "python.hpp"

namespace accrete::python {
namespace {

Reference class_named(const char* name) {
  const Reference module = Reference::own(PyImport_ImportModule("accrete.errors"));
  return attribute_of(module.get(), name);
}

void set(const char* name, const std::exception& error) {
  const Reference message = text(error.what());
  PyErr_SetObject(class_named(name).get(), message.get());
}

void set_io_error(const char* name, const IoError& error) {
  const Reference type = class_named(name);
  const Reference message = text(error.what());
  const Reference object = error.object().empty() ? none() : text(error.object());
  const Reference made =
      Reference::own(PyObject_CallFunction(type.get(), "iOO", error.code().value(), message.get(), object.get()));
  PyErr_SetObject(type.get(), made.get());
}

void set_unknown_outcome(const UnknownOutcomeError& error) {
  const Reference made = exception_of(error);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made.get())), made.get());
}

/// Derived ones first.
void set_for_current_exception() {
  try {
    throw;
  } catch (const PythonErrorSet&) {
  } catch (const DiskFullError& error) {
    set_io_error("DiskFullError", error);
  } catch (const IoError& error) {
    set_io_error("IoError", error);
  } catch (const UnknownOutcomeError& error) {
    set_unknown_outcome(error);
  } catch (const CorruptionError& error) {
    set("CorruptionError", error);
  } catch (const NotFoundError& error) {
    set("NotFoundError", error);
  } catch (const ExistsError& error) {
    set("ExistsError", error);
  } catch (const LockedError& error) {
    set("LockedError", error);
  } catch (const InvalidKeyError& error) {
    set("InvalidKeyError", error);
  } catch (const SizeMismatchError& error) {
    set("SizeMismatchError", error);
  } catch (const TypeMismatchError& error) {
    set("TypeMismatchError", error);
  } catch (const ErasedError& error) {
    set("ErasedError", error);
  } catch (const ReadOnlyError& error) {
    set("ReadOnlyError", error);
  } catch (const TooLargeError& error) {
    set("TooLargeError", error);
  } catch (const InvalidArgumentError& error) {
    set("InvalidArgumentError", error);
  } catch (const NetworkError& error) {
    set("NetworkError", error);
  } catch (const TimeoutError& error) {
    set("TimeoutError", error);
  } catch (const AuthError& error) {
    set("AuthError", error);
  } catch (const UnsupportedError& error) {
    set("UnsupportedError", error);
  } catch (const Error& error) {
    set("Error", error);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_SystemError, error.what());
  }
}

}  // namespace

Reference exception_of(const UnknownOutcomeError& error) {
  const Reference type = class_named("UnknownOutcomeError");
  const Reference message = text(error.what());
  Reference batch = none();
  if (const std::optional<BatchId>& id = error.batch()) {
    const auto* const writer = reinterpret_cast<const char*>(id->writer.data());
    batch = Reference::own(Py_BuildValue("(y#K)", writer, static_cast<Py_ssize_t>(id->writer.size()),
                                         static_cast<unsigned long long>(id->sequence)));
  }
  // Its __init__ is Python, which would run the handler of a signal that has come before there is an exception.
  const Reference arguments = Reference::own(PyTuple_Pack(1, message.get()));
  auto* const class_object = reinterpret_cast<PyTypeObject*>(type.get());
  Reference made = Reference::own(class_object->tp_new(class_object, arguments.get(), nullptr));
  if (PyObject_SetAttrString(made.get(), "batch", batch.get()) != 0) throw PythonErrorSet{};
  return made;
}

void set_python_error() noexcept {
  try {
    set_for_current_exception();
  } catch (const PythonErrorSet&) {
    // What went wrong in making the exception is set instead.
  }
}

void throw_type_error(const char* format, PyObject* object) {
  PyErr_Format(PyExc_TypeError, format, Py_TYPE(object)->tp_name);
  throw PythonErrorSet{};
}

Reference text(std::string_view bytes) {
  return Reference::own(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "surrogateescape"));
}

}  // namespace accrete::python
