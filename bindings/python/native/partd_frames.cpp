#include "partd_frames.hpp"

#include <accrete/accrete.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "arguments.hpp"
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "partd.hpp"

namespace accrete::python {
namespace {

constexpr std::uint64_t frame_mark = std::uint64_t{0xAC} << 56U;
constexpr std::uint64_t size_mask = (std::uint64_t{1} << 56U) - 1;
constexpr std::size_t header_size = 2 * sizeof(std::uint64_t);

[[noreturn]] void throw_corruption(std::size_t offset, const char* what) {
  throw CorruptionError("the frame at byte " + std::to_string(offset) + " of a value " + what);
}

/// partd_frame(*parts)
PyObject* frame(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    Borrowed borrowed;
    std::vector<std::string_view> parts;
    for (Py_ssize_t i = 0; i < count; ++i) parts.push_back(borrowed.bytes(arguments[i]));
    return framed(parts);
  });
}

/// partd_frames(value): the list of what is framed.
PyObject* frames(PyObject*, PyObject* value) {
  return guarded([&] {
    Borrowed borrowed;
    const std::vector<std::string_view> found = frames_of(borrowed.bytes(value));
    Reference list = Reference::own(PyList_New(static_cast<Py_ssize_t>(found.size())));
    for (std::size_t i = 0; i < found.size(); ++i) {
      PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), bytes_object(found[i]).release());
    }
    return list;
  });
}

auto functions = std::to_array<PyMethodDef>({
    {"partd_frame", as_function(frame), METH_FASTCALL, nullptr},
    {"partd_frames", frames, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
});

}  // namespace

Reference framed(std::span<const std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  Reference bytes = Reference::own(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(header_size + size)));
  const std::span<char> all(PyBytes_AS_STRING(bytes.get()), header_size + size);
  char* to = all.data() + header_size;
  for (const std::string_view part : parts) to = std::copy(part.begin(), part.end(), to);
  const std::uint64_t head = frame_mark | size;
  const std::span<std::byte> header = std::as_writable_bytes(all);
  store_le<std::uint64_t>(header.subspan<0, 8>(), head);
  store_le<std::uint64_t>(header.subspan<8, 8>(), hash64({all.data() + header_size, size}, head));
  return bytes;
}

std::vector<std::string_view> frames_of(std::string_view value) {
  std::vector<std::string_view> frames;
  ByteReader reader(value);
  while (!reader.at_end()) {
    const std::size_t offset = value.size() - reader.left();
    const auto head = reader.integer<std::uint64_t>();
    const bool is_own = (head & ~size_mask) == frame_mark;
    const auto checksum = is_own ? reader.integer<std::uint64_t>() : 0;
    const std::string_view bytes = reader.bytes(is_own ? head & size_mask : head);
    if (!reader.ok()) throw_corruption(offset, "is cut, or is none");
    if (is_own && hash64(bytes, head) != checksum) throw_corruption(offset, "is not what was written");
    frames.push_back(bytes);
  }
  return frames;
}

void add_partd_frames(PyObject* module) { add_to(module, functions.data()); }

}  // namespace accrete::python
