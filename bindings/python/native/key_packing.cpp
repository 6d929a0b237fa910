#include "key_packing.hpp"

#include <accrete/error.hpp>
#include <cstdint>

#include "arguments.hpp"
#include "table/key_elements.hpp"

namespace accrete::python {
namespace {

class Recursion {
 public:
  Recursion() {
    if (Py_EnterRecursiveCall(" in a key") != 0) throw PythonErrorSet{};
  }
  ~Recursion() { Py_LeaveRecursiveCall(); }
  Recursion(const Recursion&) = delete;
  Recursion& operator=(const Recursion&) = delete;
};

void pack_int_object(std::string& out, PyObject* object) {
  const Reference number = Reference::own(PyNumber_Index(object));
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  if (overflow == 0) {
    const auto bits = static_cast<std::uint64_t>(value);
    return pack_int(out, value < 0 ? 0 - bits : bits, value < 0);
  }
  const bool is_negative = overflow < 0;
  const Reference magnitude = Reference::own(PyNumber_Absolute(number.get()));
  const unsigned long long beyond = PyLong_AsUnsignedLongLong(magnitude.get());
  if (PyErr_Occurred()) {
    PyErr_SetString(PyExc_OverflowError, "an int that is a key, or in one, has at most 64 bits");
    throw PythonErrorSet{};
  }
  pack_int(out, beyond, is_negative);
}

void pack(std::string& out, PyObject* object) {
  if (PyUnicode_Check(object)) {
    std::string unused;
    return pack_text(out, key_bytes(object, unused));
  }
  if (PyBytes_Check(object)) {
    return pack_bytes(out, {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))});
  }
  if (PyTuple_Check(object)) {
    const Recursion recursion;
    out += tuple_kind;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); ++i) pack(out, PyTuple_GET_ITEM(object, i));
    out += element_end;
    return;
  }
  if (PyIndex_Check(object)) return pack_int_object(out, object);
  throw_type_error("a key is a str, bytes, an int or a tuple of these, not %s", object);
}

/// Takes elements off the front of a key.
class Unpacking {
 public:
  explicit Unpacking(std::string_view bytes) : left_(bytes) {}

  [[nodiscard]] bool is_over() const noexcept { return left_.empty(); }

  Reference next() {
    const char kind = take();
    if (kind == byte_kind) {
      const std::string bytes = take_bytes();
      return Reference::own(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
    }
    if (kind == text_kind) return text(take_bytes());
    if (kind == tuple_kind) return take_tuple();
    const int count = kind - zero_kind;
    if (count < -max_int_bytes || count > max_int_bytes) throw InvalidKeyError("it is no packed int or tuple");
    return take_int(count);
  }

 private:
  char take() {
    if (left_.empty()) throw InvalidKeyError("it is cut off");
    const char byte = left_.front();
    left_.remove_prefix(1);
    return byte;
  }

  std::string take_bytes() {
    std::string bytes;
    while (true) {
      const char byte = take();
      if (byte != element_end) {
        bytes += byte;
      } else if (left_.starts_with(element_escape)) {
        bytes += take_escaped();
      } else {
        return bytes;
      }
    }
  }

  char take_escaped() {
    left_.remove_prefix(1);
    return element_end;
  }

  Reference take_tuple() {
    const Recursion recursion;
    Reference list = Reference::own(PyList_New(0));
    while (!left_.starts_with(element_end)) {
      const Reference element = next();
      if (PyList_Append(list.get(), element.get()) != 0) throw PythonErrorSet{};
    }
    take();
    return Reference::own(PyList_AsTuple(list.get()));
  }

  Reference take_int(int count) {
    const int size = count < 0 ? -count : count;
    std::uint64_t number = 0;
    for (int i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(take());
    const std::uint64_t magnitude = count < 0 ? max_of_bytes(size) - number : number;
    if (bytes_of(magnitude) != size) throw InvalidKeyError("an int of it has more bytes than it needs");
    Reference value = Reference::own(PyLong_FromUnsignedLongLong(magnitude));
    return count < 0 ? Reference::own(PyNumber_Negative(value.get())) : std::move(value);
  }

  std::string_view left_;
};

}  // namespace

std::string pack_key(PyObject* object) {
  std::string out;
  pack(out, object);
  return out;
}

Reference unpack_key(std::string_view bytes) {
  try {
    Unpacking unpacking(bytes);
    const bool is_one = bytes.starts_with(tuple_kind) || (!bytes.empty() && bytes.front() > tuple_kind);
    Reference key = is_one ? unpacking.next() : Reference();
    if (is_one && unpacking.is_over()) return key;
    throw InvalidKeyError("it is no packed int or tuple");
  } catch (const InvalidKeyError& error) {
    throw InvalidKeyError("cannot unpack a key: " + std::string(error.what()));
  }
}

}  // namespace accrete::python
