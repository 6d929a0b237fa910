// What accrete.partd's Dict and Buffer do a key: a dict of lists, which refer to the bytes that were appended.
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "partd.hpp"

namespace accrete::python {
namespace {

/// The bytes as they are; of what may be changed later, a copy.
Reference as_bytes(PyObject* value) {
  if (PyBytes_CheckExact(value)) return Reference::borrow(value);
  Borrowed borrowed;
  return bytes_object(borrowed.bytes(value));
}

struct Piece {
  Reference key;
  Reference bytes;
};

/// All are looked at before anything is changed.
std::vector<Piece> pieces_of(PyObject* dict) {
  std::vector<Piece> pieces;
  for_each_item(dict, [&](PyObject* key, PyObject* value) {
    pieces.push_back({Reference::borrow(key), as_bytes(value)});
  });
  return pieces;
}

/// Borrowed; null if there is none.
PyObject* find(PyObject* dict, PyObject* key) {
  PyObject* const found = PyDict_GetItemWithError(dict, key);
  if (!found && PyErr_Occurred()) throw PythonErrorSet{};
  return found;
}

PyObject* find_list(PyObject* lists, PyObject* key) {
  PyObject* const list = find(lists, key);
  if (list && !PyList_Check(list)) throw_type_error("a Dict's data are lists of bytes, not %s", list);
  return list;
}

void append_piece(PyObject* lists, const Piece& piece) {
  if (PyObject* const list = find_list(lists, piece.key.get())) {
    if (PyList_Append(list, piece.bytes.get()) != 0) throw PythonErrorSet{};
    return;
  }
  const Reference list = Reference::own(PyList_New(1));
  PyList_SET_ITEM(list.get(), 0, Reference::borrow(piece.bytes.get()).release());
  if (PyDict_SetItem(lists, piece.key.get(), list.get()) != 0) throw PythonErrorSet{};
}

/// What a Buffer says that it has: its `lengths`, and `memory_usage`, the sum of them.
class BufferSizes {
 public:
  explicit BufferSizes(PyObject* buffer) : buffer_(buffer), lengths_(attribute_of(buffer, "lengths")) {
    if (!PyDict_Check(lengths_.get())) throw_type_error("a Buffer's lengths are a dict, not %s", lengths_.get());
  }
  BufferSizes(const BufferSizes&) = delete;
  BufferSizes& operator=(const BufferSizes&) = delete;

  /// The sum is kept in step when a key's own methods raise, too.
  ~BufferSizes() {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    PyErr_Fetch(&type, &value, &traceback);
    try {
      const Reference sum = Reference::own(
          PyNumber_Add(attribute_of(buffer_, memory_usage).get(), Reference::own(PyLong_FromSsize_t(change_)).get()));
      if (PyObject_SetAttrString(buffer_, memory_usage, sum.get()) != 0) throw PythonErrorSet{};
    } catch (...) {
      PyErr_WriteUnraisable(buffer_);
    }
    PyErr_Restore(type, value, traceback);
  }

  void change(PyObject* key, Py_ssize_t bytes) {
    const Reference size = Reference::own(PyLong_FromSsize_t(size_of(key) + bytes));
    if (PyDict_SetItem(lengths_.get(), key, size.get()) != 0) throw PythonErrorSet{};
    change_ += bytes;
  }

  void forget(PyObject* key) {
    const Py_ssize_t bytes = size_of(key);
    if (!find(lengths_.get(), key)) return;
    if (PyDict_DelItem(lengths_.get(), key) != 0) throw PythonErrorSet{};
    change_ -= bytes;
  }

 private:
  static constexpr const char* memory_usage = "memory_usage";

  [[nodiscard]] Py_ssize_t size_of(PyObject* key) const {
    PyObject* const found = find(lengths_.get(), key);
    const Py_ssize_t size = found ? PyLong_AsSsize_t(found) : 0;
    if (size == -1 && PyErr_Occurred()) throw PythonErrorSet{};
    return size;
  }

  PyObject* buffer_;
  Reference lengths_;
  Py_ssize_t change_ = 0;
};

/// partd_dict_append(lists, data, buffer=None): of a Buffer's Dict, or of one that is nobody's. `lists` None: only the
/// Buffer's sizes change.
PyObject* append(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    if (count != 2) expect_arguments("partd_dict_append()", 3, count);
    const std::vector<Piece> pieces = pieces_of(arguments[1]);
    std::optional<BufferSizes> sizes;
    if (count == 3) sizes.emplace(arguments[2]);
    for (const Piece& piece : pieces) {
      if (arguments[0] != Py_None) append_piece(arguments[0], piece);
      if (sizes) sizes->change(piece.key.get(), PyBytes_GET_SIZE(piece.bytes.get()));
    }
    return none();
  });
}

/// partd_dict_take_back(lists, data, buffer): what has been appended last.
PyObject* take_back(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_dict_take_back()", 3, count);
    const std::vector<Piece> pieces = pieces_of(arguments[1]);
    BufferSizes sizes(arguments[2]);
    for (const auto& [key, bytes] : pieces) {
      PyObject* const list = find_list(arguments[0], key.get());
      const Py_ssize_t last = list ? PyList_GET_SIZE(list) - 1 : -1;
      if (last < 0) continue;
      sizes.change(key.get(), -PyBytes_GET_SIZE(bytes.get()));
      if (PyList_SetSlice(list, last, last + 1, nullptr) != 0) throw PythonErrorSet{};
      if (last > 0) continue;
      sizes.forget(key.get());
      if (PyDict_DelItem(arguments[0], key.get()) != 0) throw PythonErrorSet{};
    }
    return none();
  });
}

void forget_keys(PyObject* lists, PyObject* keys, PyObject* buffer) {
  const Reference list = Reference::own(PySequence_Fast(keys, "keys are a list"));
  BufferSizes sizes(buffer);
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list.get()); ++i) {
    PyObject* const key = PySequence_Fast_GET_ITEM(list.get(), i);
    if (lists != Py_None && find(lists, key) && PyDict_DelItem(lists, key) != 0) throw PythonErrorSet{};
    sizes.forget(key);
  }
}

/// partd_dict_forget(lists, keys, buffer): `lists` as above.
PyObject* forget(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_dict_forget()", 3, count);
    forget_keys(arguments[0], arguments[1], arguments[2]);
    return none();
  });
}

/// partd_dict_move(put, value, lists, keys, buffer): put(value), and the keys, whose it is, are forgotten. Python,
/// which would run handlers of signals between the two, has no turn there.
PyObject* move(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_dict_move()", 5, count);
    const Reference result = Reference::own(PyObject_CallOneArg(arguments[0], arguments[1]));
    forget_keys(arguments[2], arguments[3], arguments[4]);
    return none();
  });
}

std::string_view view_of(PyObject* piece) {
  if (!PyBytes_Check(piece)) throw_type_error("a Dict's data are lists of bytes, not of %s", piece);
  return {PyBytes_AS_STRING(piece), static_cast<std::size_t>(PyBytes_GET_SIZE(piece))};
}

Reference joined(PyObject* list) {
  const Py_ssize_t count = list ? PyList_GET_SIZE(list) : 0;
  if (count == 1 && PyBytes_CheckExact(PyList_GET_ITEM(list, 0))) return Reference::borrow(PyList_GET_ITEM(list, 0));
  std::size_t size = 0;
  for (Py_ssize_t i = 0; i < count; ++i) size += view_of(PyList_GET_ITEM(list, i)).size();
  Reference value = Reference::own(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  char* to = PyBytes_AS_STRING(value.get());
  for (Py_ssize_t i = 0; i < count; ++i) {
    const std::string_view piece = view_of(PyList_GET_ITEM(list, i));
    to = std::copy(piece.begin(), piece.end(), to);
  }
  return value;
}

/// partd_dict_get(lists, keys): the values, as a list.
PyObject* get(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_dict_get()", 2, count);
    const Reference keys = Reference::own(PySequence_Fast(arguments[1], "keys are a list"));
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(keys.get());
    Reference values = Reference::own(PyList_New(size));
    for (Py_ssize_t i = 0; i < size; ++i) {
      PyObject* const list = find_list(arguments[0], PySequence_Fast_GET_ITEM(keys.get(), i));
      PyList_SET_ITEM(values.get(), i, joined(list).release());
    }
    return values;
  });
}

auto functions = std::to_array<PyMethodDef>({
    {"partd_dict_append", as_function(append), METH_FASTCALL, nullptr},
    {"partd_dict_forget", as_function(forget), METH_FASTCALL, nullptr},
    {"partd_dict_get", as_function(get), METH_FASTCALL, nullptr},
    {"partd_dict_move", as_function(move), METH_FASTCALL, nullptr},
    {"partd_dict_take_back", as_function(take_back), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
});

}  // namespace

void add_partd_dict(PyObject* module) { add_to(module, functions.data()); }

}  // namespace accrete::python
