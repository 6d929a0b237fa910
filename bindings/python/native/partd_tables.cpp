// The pieces of a table that accrete.partd's PandasBlocks keeps. A piece is a schema, which is Python's business, and
// parts: the bytes of columns and of the index. Pieces of one schema are joined here, part by part.
//
//   piece = magic u32 schema_size u32 part_count part_count*entry schema *part
//   entry = u64 size u32 lines u8 integer_size u8 width u64 base
//
// All little-endian. A part of n lines is n rows of the same size one below the other, as those of a block of columns,
// and such are joined side by side; one of no lines is not joined. A part of integers is narrowed (partd_integers.hpp):
// its size is what it has before, and in the piece it has size / integer_size * width bytes. integer_size is 0 of other
// parts.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "partd.hpp"
#include "partd_frames.hpp"
#include "partd_integers.hpp"

namespace accrete::python {
namespace {

/// partd's pieces begin with the size of their header, which is never that much.
constexpr std::string_view magic("accpdf1\xff", 8);

struct Part {
  std::uint64_t size;  // as it is joined
  std::uint32_t lines;
  std::uint32_t integer_size;
  Narrowed narrowed;
  std::string_view stored{};

  [[nodiscard]] std::uint64_t stored_size() const noexcept {
    return integer_size == 0 ? size : size / integer_size * narrowed.width;
  }

  /// Whether the numbers, which are foreign, fit together.
  [[nodiscard]] bool is_sound() const noexcept {
    if (lines > 1 && size % lines != 0) return false;
    if (integer_size == 0) return true;
    const std::uint32_t width = narrowed.width;
    const bool is_narrow = width <= 2 || width == 4 || width == 8;
    return is_integer_size(integer_size) && width <= integer_size && is_narrow && lines != 0 &&
           size % (std::uint64_t{lines} * integer_size) == 0;
  }

  void copy_line(std::size_t line, std::span<char> to) const {
    const std::string_view row = stored.substr(stored.size() / lines * line, stored.size() / lines);
    if (integer_size == 0) {
      std::copy(row.begin(), row.end(), to.begin());
    } else {
      widen(row, narrowed, integer_size, to);
    }
  }
};

struct Piece {
  std::string_view schema;  // null if it is partd's
  std::vector<Part> parts;

  /// Whether the other's parts can be joined to this one's.
  [[nodiscard]] bool fits(const Piece& other) const {
    if (!schema.data() || !other.schema.data() || schema != other.schema) return false;
    if (parts.size() != other.parts.size()) return false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].lines != other.parts[i].lines || parts[i].integer_size != other.parts[i].integer_size) return false;
    }
    return true;
  }
};

std::vector<std::uint32_t> numbers_of(PyObject* tuple) {
  std::vector<std::uint32_t> numbers;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    const unsigned long number = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(tuple, i));
    if (PyErr_Occurred()) throw PythonErrorSet{};
    numbers.push_back(static_cast<std::uint32_t>(number));
  }
  return numbers;
}

void append_entry(std::string& head, const Part& part) {
  append_le(head, part.size);
  append_le(head, part.lines);
  append_le(head, static_cast<std::uint8_t>(part.integer_size));
  append_le(head, static_cast<std::uint8_t>(part.narrowed.width));
  append_le(head, part.narrowed.base);
}

/// partd_piece(schema, lines, integer_sizes, parts): the frame of a piece. `lines` and `integer_sizes`, of each part,
/// are tuples; `parts` a list of bytes.
PyObject* piece(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_piece()", 4, count);
    Borrowed borrowed;
    const std::string_view schema = borrowed.bytes(arguments[0]);
    const std::vector<std::uint32_t> lines = numbers_of(arguments[1]);
    const std::vector<std::uint32_t> integer_sizes = numbers_of(arguments[2]);
    if (!PyList_CheckExact(arguments[3])) throw_type_error("parts are a list, not %s", arguments[3]);
    std::string head(magic);
    append_le(head, static_cast<std::uint32_t>(schema.size()));
    append_le(head, static_cast<std::uint32_t>(lines.size()));
    std::deque<std::string> narrowed;
    std::vector<std::string_view> bytes(2);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::string_view stored = borrowed.bytes(PyList_GET_ITEM(arguments[3], static_cast<Py_ssize_t>(i)));
      Part part{.size = stored.size(), .lines = lines[i], .integer_size = integer_sizes[i], .narrowed = {}};
      if (part.integer_size != 0) {
        part.narrowed = narrow(stored, part.integer_size, narrowed.emplace_back());
        stored = narrowed.back();
      }
      append_entry(head, part);
      bytes.push_back(stored);
    }
    bytes[0] = head;
    bytes[1] = schema;
    return framed(bytes);
  });
}

Part entry_of(ByteReader& reader) {
  Part part{};
  part.size = reader.integer<std::uint64_t>();
  part.lines = reader.integer<std::uint32_t>();
  part.integer_size = reader.integer<std::uint8_t>();
  part.narrowed.width = reader.integer<std::uint8_t>();
  part.narrowed.base = reader.integer<std::uint64_t>();
  return part;
}

Piece piece_of(std::string_view frame) {
  if (!frame.starts_with(magic)) {
    return {.schema = {},
            .parts = {{.size = frame.size(), .lines = 0, .integer_size = 0, .narrowed = {}, .stored = frame}}};
  }
  ByteReader reader(frame.substr(magic.size()));
  const auto schema_size = reader.integer<std::uint32_t>();
  const auto count = reader.integer<std::uint32_t>();
  Piece piece;
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    piece.parts.push_back(entry_of(reader));
    if (!piece.parts.back().is_sound()) throw CorruptionError("a part of a piece of a table has an odd size");
  }
  piece.schema = reader.bytes(schema_size);
  for (Part& part : piece.parts) part.stored = reader.bytes(part.stored_size());
  if (!reader.ok() || !reader.at_end()) throw CorruptionError("a piece of a table is cut");
  return piece;
}

/// Writable, as the arrays over it are to be.
Reference joined(std::span<const Piece> pieces, std::size_t part) {
  std::size_t size = 0;
  for (const Piece& piece : pieces) size += piece.parts[part].size;
  Reference bytes = Reference::own(PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  std::span<char> to(PyByteArray_AS_STRING(bytes.get()), size);
  const std::size_t lines = pieces[0].parts[part].lines;
  for (std::size_t line = 0; line < lines; ++line) {
    for (const Piece& piece : pieces) {
      const std::size_t line_size = piece.parts[part].size / lines;
      piece.parts[part].copy_line(line, to.first(line_size));
      to = to.subspan(line_size);
    }
  }
  return bytes;
}

Reference listed(std::span<const Piece> pieces, std::size_t part) {
  Reference list = Reference::own(PyList_New(static_cast<Py_ssize_t>(pieces.size())));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), bytes_object(pieces[i].parts[part].stored).release());
  }
  return list;
}

Reference joined_run(std::span<const Piece> run) {
  const Piece& first = run.front();
  const Reference schema = first.schema.data() ? bytes_object(first.schema) : none();
  const Reference parts = Reference::own(PyList_New(static_cast<Py_ssize_t>(first.parts.size())));
  for (std::size_t i = 0; i < first.parts.size(); ++i) {
    Reference part = first.parts[i].lines == 0 ? listed(run, i) : joined(run, i);
    PyList_SET_ITEM(parts.get(), static_cast<Py_ssize_t>(i), part.release());
  }
  return Reference::own(PyTuple_Pack(2, schema.get(), parts.get()));
}

/// partd_join(value): a list of (schema, parts), one for each run of pieces of one schema. A part is a bytearray, or a
/// list of each piece's bytes. The schema of a piece that partd wrote is None, and its only part is the piece.
PyObject* join(PyObject*, PyObject* value) {
  return guarded([&] {
    Borrowed borrowed;
    std::vector<Piece> pieces;
    for (const std::string_view frame : frames_of(borrowed.bytes(value))) pieces.push_back(piece_of(frame));
    Reference runs = Reference::own(PyList_New(0));
    for (std::size_t begin = 0; begin < pieces.size();) {
      std::size_t end = begin + 1;
      while (end < pieces.size() && pieces[begin].fits(pieces[end])) ++end;
      const Reference run = joined_run(std::span(pieces).subspan(begin, end - begin));
      if (PyList_Append(runs.get(), run.get()) != 0) throw PythonErrorSet{};
      begin = end;
    }
    return runs;
  });
}

/// The members of an array of objects, of one dimension.
class Objects {
 public:
  Objects(PyObject* array, int flags) {
    if (PyObject_GetBuffer(array, &buffer_, PyBUF_FORMAT | PyBUF_STRIDES | flags) != 0) throw PythonErrorSet{};
    if (buffer_.ndim == 1 && std::string_view(buffer_.format) == "O") return;
    PyBuffer_Release(&buffer_);
    PyErr_SetString(PyExc_TypeError, "an array of objects of one dimension is expected");
    throw PythonErrorSet{};
  }
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;
  ~Objects() { PyBuffer_Release(&buffer_); }

  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(buffer_.shape[0]); }
  [[nodiscard]] PyObject*& operator[](std::size_t i) const noexcept {
    return *reinterpret_cast<PyObject**>(static_cast<char*>(buffer_.buf) +
                                         static_cast<Py_ssize_t>(i) * buffer_.strides[0]);
  }

 private:
  Py_buffer buffer_{};
};

// Instead of a text's size: what pandas has for a missing one.
constexpr std::uint32_t none_size = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t nan_size = none_size - 1;
constexpr std::uint32_t na_size = none_size - 2;

bool is_nan(PyObject* object) noexcept { return PyFloat_CheckExact(object) && std::isnan(PyFloat_AS_DOUBLE(object)); }

/// Appends a member's size, and its bytes. False if it is neither a text nor missing.
bool add_text(PyObject* object, PyObject* na, std::string& sizes, std::string& texts) {
  if (!object || object == Py_None) {
    append_le(sizes, none_size);
  } else if (is_nan(object)) {
    append_le(sizes, nan_size);
  } else if (object == na) {
    append_le(sizes, na_size);
  } else {
    if (!PyUnicode_CheckExact(object)) return false;
    Py_ssize_t size = 0;
    const char* const bytes = PyUnicode_AsUTF8AndSize(object, &size);
    if (!bytes) PyErr_Clear();  // a lone surrogate
    if (!bytes || static_cast<std::size_t>(size) >= na_size) return false;
    append_le(sizes, static_cast<std::uint32_t>(size));
    texts.append(bytes, static_cast<std::size_t>(size));
  }
  return true;
}

/// partd_pack_texts(array, na): (sizes, UTF-8), or None if a member is neither a str nor None, a NaN or `na`.
PyObject* pack_texts(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_pack_texts()", 2, count);
    const Objects objects(arguments[0], 0);
    std::string sizes;
    std::string texts;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      if (!add_text(objects[i], arguments[1], sizes, texts)) return none();
    }
    const Reference packed_sizes = bytes_object(sizes);
    const Reference packed_texts = bytes_object(texts);
    return Reference::own(PyTuple_Pack(2, packed_sizes.get(), packed_texts.get()));
  });
}

/// Makes one str of short texts that are the same, as those of a column often are.
class Texts {
 public:
  Reference of(std::string_view bytes) {
    constexpr std::size_t max_shared_size = 32;
    if (bytes.size() > max_shared_size) return text_of(bytes);
    Known& known = known_[hash64(bytes) % known_.size()];
    if (!known.text.get() || known.bytes != bytes) known = {.bytes = bytes, .text = text_of(bytes)};
    return Reference::borrow(known.text.get());
  }

 private:
  struct Known {
    std::string_view bytes;
    Reference text;
  };

  static Reference text_of(std::string_view bytes) {
    return Reference::own(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), nullptr));
  }

  std::array<Known, 256> known_;
};

/// partd_unpack_texts(sizes, utf8, array, nan, na): fills the array.
PyObject* unpack_texts(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_unpack_texts()", 5, count);
    Borrowed borrowed;
    ByteReader sizes(borrowed.bytes(arguments[0]));
    ByteReader bytes(borrowed.bytes(arguments[1]));
    const Objects objects(arguments[2], PyBUF_WRITABLE);
    Texts texts;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      const auto size = sizes.integer<std::uint32_t>();
      Reference object = none();
      if (size == nan_size) {
        object = Reference::borrow(arguments[3]);
      } else if (size == na_size) {
        object = Reference::borrow(arguments[4]);
      } else if (size != none_size) {
        object = texts.of(bytes.bytes(size));
      }
      PyObject* const before = std::exchange(objects[i], object.release());
      Py_XDECREF(before);
    }
    if (!sizes.ok() || !bytes.ok() || !sizes.at_end() || !bytes.at_end()) {
      throw CorruptionError("the texts of a piece of a table are cut");
    }
    return none();
  });
}

auto functions = std::to_array<PyMethodDef>({
    {"partd_piece", as_function(piece), METH_FASTCALL, nullptr},
    {"partd_join", join, METH_O, nullptr},
    {"partd_pack_texts", as_function(pack_texts), METH_FASTCALL, nullptr},
    {"partd_unpack_texts", as_function(unpack_texts), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
});

}  // namespace

void add_partd_tables(PyObject* module) { add_to(module, functions.data()); }

}  // namespace accrete::python
