#include "arguments.hpp"

#include <accrete/error.hpp>
#include <cstring>

#include "key_packing.hpp"

namespace accrete::python {
namespace {

std::string_view bytes_of(PyObject* bytes) noexcept {
  return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

std::string_view utf8_of(PyObject* text, std::string& encoded) {
  Py_ssize_t size = 0;
  if (const char* const utf8 = PyUnicode_AsUTF8AndSize(text, &size)) return {utf8, static_cast<std::size_t>(size)};
  if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) throw PythonErrorSet{};
  PyErr_Clear();
  const Reference bytes = Reference::own(PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape"));
  return encoded = bytes_of(bytes.get());
}

/// For who could not get an object's buffer.
[[noreturn]] void throw_buffer_error(const char* format, PyObject* object) {
  if (PyErr_ExceptionMatches(PyExc_BufferError)) PyErr_Format(PyExc_BufferError, format, Py_TYPE(object)->tp_name);
  throw PythonErrorSet{};
}

}  // namespace

std::string_view key_bytes(PyObject* object, std::string& packed) {
  if (PyUnicode_Check(object)) return utf8_of(object, packed);
  if (PyBytes_Check(object)) return bytes_of(object);
  return packed = pack_key(object);
}

std::uint64_t count_of(PyObject* object) {
  const Reference number = Reference::own(PyNumber_Index(object));
  const unsigned long long count = PyLong_AsUnsignedLongLong(number.get());
  if (!PyErr_Occurred()) return count;
  PyErr_Format(PyExc_OverflowError, "expected an int from 0 to 2**64 - 1, not %R", number.get());
  throw PythonErrorSet{};
}

WriterId writer_of(PyObject* object) {
  if (!PyBytes_Check(object)) throw_type_error("a writer is bytes, not %s", object);
  WriterId writer{};
  const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(object));
  if (size != writer.size()) throw InvalidArgumentError("a writer has 16 bytes, not " + std::to_string(size));
  std::memcpy(writer.data(), PyBytes_AS_STRING(object), writer.size());
  return writer;
}

BatchId batch_id_of(PyObject* object) {
  if (!PyTuple_Check(object) || PyTuple_GET_SIZE(object) != 2) {
    throw_type_error("an id is a tuple (writer, sequence), not %s", object);
  }
  return {.writer = writer_of(PyTuple_GET_ITEM(object, 0)), .sequence = count_of(PyTuple_GET_ITEM(object, 1))};
}

Borrowed::~Borrowed() {
  for (Py_buffer& buffer : buffers_) PyBuffer_Release(&buffer);
}

void Borrowed::hold(PyObject* object) { objects_.push_back(Reference::borrow(object)); }

std::string_view Borrowed::key(PyObject* object) {
  hold(object);
  std::string packed;
  const std::string_view bytes = key_bytes(object, packed);
  return bytes.data() == packed.data() ? packed_.emplace_front(std::move(packed)) : bytes;
}

std::string_view Borrowed::bytes(PyObject* object) {
  hold(object);
  if (PyBytes_CheckExact(object)) return bytes_of(object);
  if (!PyObject_CheckBuffer(object)) {
    throw_type_error(PyUnicode_Check(object) ? "expected a bytes-like object, not %s: encode it first"
                                             : "expected a bytes-like object, not %s",
                     object);
  }
  buffers_.emplace_back();
  if (PyObject_GetBuffer(object, &buffers_.back(), PyBUF_SIMPLE) != 0) {
    buffers_.pop_back();
    throw_buffer_error("expected bytes that lie one after the other, and those of this %s do not: copy them first",
                       object);
  }
  return {static_cast<const char*>(buffers_.back().buf), static_cast<std::size_t>(buffers_.back().len)};
}

void Borrowed::add_pair(PyObject* key_object, PyObject* value, std::vector<Entry>& entries) {
  hold(value);  // a key of a type that is not built in runs Python, which may change the mapping
  const std::string_view key_view = key(key_object);
  entries.push_back({key_view, bytes(value)});
}

std::vector<Entry> Borrowed::entries(PyObject* object) {
  std::vector<Entry> entries;
  if (PyDict_CheckExact(object)) {
    const auto size = static_cast<std::size_t>(PyDict_GET_SIZE(object));
    entries.reserve(size);
    objects_.reserve(2 * size);
    Py_ssize_t at = 0;
    PyObject* key_object = nullptr;
    PyObject* value = nullptr;
    while (PyDict_Next(object, &at, &key_object, &value)) add_pair(key_object, value, entries);
    return entries;
  }
  if (!Py_TYPE(object)->tp_iter && !PySequence_Check(object)) {
    throw_type_error("a batch is a mapping, or pairs (key, bytes), not %s", object);
  }
  const Reference pairs = PyMapping_Check(object) && PyObject_HasAttr(object, interned("items").get())
                              ? Reference::own(PyMapping_Items(object))
                              : Reference::borrow(object);
  const Reference iterator = Reference::own(PyObject_GetIter(pairs.get()));
  while (PyObject* const next = PyIter_Next(iterator.get())) {
    const Reference element = Reference::own(next);
    if (!PyTuple_CheckExact(next) || PyTuple_GET_SIZE(next) != 2) {
      throw_type_error("a batch is a mapping, or pairs (key, bytes), and one of these is %s", next);
    }
    add_pair(PyTuple_GET_ITEM(next, 0), PyTuple_GET_ITEM(next, 1), entries);
  }
  if (PyErr_Occurred()) throw PythonErrorSet{};
  return entries;
}

std::vector<std::string_view> Borrowed::keys(PyObject* list) {
  std::vector<std::string_view> keys;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) keys.push_back(key(PyList_GET_ITEM(list, i)));
  return keys;
}

WritableBuffer::WritableBuffer(PyObject* object) {
  if (!PyObject_CheckBuffer(object)) {
    throw_type_error("expected a buffer that can be written to, such as a bytearray, not %s", object);
  }
  if (PyObject_GetBuffer(object, &buffer_, PyBUF_WRITABLE) == 0) return;
  throw_buffer_error(
      "expected a buffer that can be written to, whose bytes lie one after the other, such as a bytearray; this %s is "
      "none",
      object);
}

}  // namespace accrete::python
