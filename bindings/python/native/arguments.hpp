// What calls take: keys, and objects that hold bytes.
#pragma once

#include <accrete/store.hpp>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

#include "python.hpp"

namespace accrete::python {

/// The bytes of a key: of a str its UTF-8 (lone surrogates stand for bytes that are none, as os.fsencode has it), bytes
/// as they are, an int and a tuple as key_packing.hpp has it. Borrowed from the object, which must be held, or
/// `packed`.
[[nodiscard]] std::string_view key_bytes(PyObject* object, std::string& packed);

/// Throws what Python does for what is no number from 0 to 2^64 - 1.
[[nodiscard]] std::uint64_t count_of(PyObject* object);

/// Of 16 bytes.
[[nodiscard]] WriterId writer_of(PyObject* object);

/// Of a tuple of a writer and a sequence.
[[nodiscard]] BatchId batch_id_of(PyObject* object);

/// What one call borrows of Python's objects. They are held until it is destroyed, with the GIL held.
class Borrowed {
 public:
  Borrowed() = default;
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed();

  [[nodiscard]] std::string_view key(PyObject* object);
  /// Of any object that exports contiguous bytes.
  [[nodiscard]] std::string_view bytes(PyObject* object);
  /// Of a dict, another mapping, or pairs of a key and bytes.
  [[nodiscard]] std::vector<Entry> entries(PyObject* object);
  [[nodiscard]] std::vector<std::string_view> keys(PyObject* list);

 private:
  void add_pair(PyObject* key, PyObject* value, std::vector<Entry>& entries);
  void hold(PyObject* object);

  std::vector<Reference> objects_;
  std::vector<Py_buffer> buffers_;
  std::forward_list<std::string> packed_;
};

/// A buffer to be written to.
class WritableBuffer {
 public:
  explicit WritableBuffer(PyObject* object);
  WritableBuffer(const WritableBuffer&) = delete;
  WritableBuffer& operator=(const WritableBuffer&) = delete;
  ~WritableBuffer() { PyBuffer_Release(&buffer_); }

  [[nodiscard]] std::span<char> bytes() const noexcept {
    return {static_cast<char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_{};
};

}  // namespace accrete::python
