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

}  // namespace

std::string_view key_bytes(PyObject* object, std::string& packed) {
  if (PyUnicode_Check(object)) return utf8_of(object, packed);
  if (PyBytes_Check(object)) return bytes_of(object);
  return packed = pack_key(object);
}

BatchId batch_id_of(PyObject* object) {
  const char* writer = nullptr;
  Py_ssize_t size = 0;
  unsigned long long sequence = 0;
  if (!PyTuple_Check(object) || !PyArg_ParseTuple(object, "y#K", &writer, &size, &sequence)) {
    PyErr_SetString(PyExc_TypeError, "an id is a tuple of a writer, 16 bytes, and a sequence");
    throw PythonErrorSet{};
  }
  BatchId id{};
  if (static_cast<std::size_t>(size) != id.writer.size()) {
    throw InvalidArgumentError("a writer has 16 bytes, not " + std::to_string(size));
  }
  std::memcpy(id.writer.data(), writer, id.writer.size());
  id.sequence = sequence;
  return id;
}

Borrowed::~Borrowed() {
  for (Py_buffer& buffer : buffers_) PyBuffer_Release(&buffer);
}

void Borrowed::hold(PyObject* object) { objects_.push_back(Reference::borrow(object)); }

std::string_view Borrowed::key(PyObject* object) {
  hold(object);
  std::string packed;
  const std::string_view bytes = key_bytes(object, packed);
  return bytes.data() == packed.data() ? packed_.emplace_back(std::move(packed)) : bytes;
}

std::string_view Borrowed::bytes(PyObject* object) {
  hold(object);
  if (PyBytes_CheckExact(object)) return bytes_of(object);
  if (!PyObject_CheckBuffer(object)) {
    throw_type_error(PyUnicode_Check(object) ? "what is appended is bytes-like, not %s: encode it first"
                                             : "what is appended is bytes-like, not %s",
                     object);
  }
  buffers_.emplace_back();
  if (PyObject_GetBuffer(object, &buffers_.back(), PyBUF_SIMPLE) != 0) {
    buffers_.pop_back();
    throw PythonErrorSet{};
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
  const Reference pairs = PyMapping_Check(object) && PyObject_HasAttrString(object, "items")
                              ? Reference::own(PyMapping_Items(object))
                              : Reference::borrow(object);
  const Reference iterator = Reference::own(PyObject_GetIter(pairs.get()));
  while (PyObject* const next = PyIter_Next(iterator.get())) {
    const Reference element = Reference::own(next);
    if (!PyTuple_CheckExact(next) || PyTuple_GET_SIZE(next) != 2) {
      throw_type_error("a batch is a mapping, or pairs (key, bytes), and one of these is a %s", next);
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
  if (PyObject_GetBuffer(object, &buffer_, PyBUF_WRITABLE) != 0) throw PythonErrorSet{};
}

}  // namespace accrete::python
