#include "layout/files/value_snapshot.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <new>
#include <stdexcept>

#include "base/escape.hpp"
#include "base/filled_string.hpp"
#include "os/system.hpp"

namespace accrete {
namespace {

/// Below this, a value is read without asking how much memory there is.
constexpr std::uint64_t always_fits = 16 << 20;

[[noreturn]] void throw_too_large(std::string_view key, std::uint64_t size) {
  throw TooLargeError("the value of key " + quoted(key) + " has " + std::to_string(size) +
                      " bytes, which do not fit into memory; read it in pieces with get_range");
}

[[noreturn]] void throw_cut(std::string_view key, std::uint64_t read, std::uint64_t size) {
  throw CorruptionError("the value of key " + quoted(key) + " was cut by another program while it was read: " +
                        std::to_string(read) + " of " + std::to_string(size) + " bytes were left");
}

std::uint64_t size_of_range(const ValueSnapshot& value, std::uint64_t offset, std::uint64_t size) {
  return offset < value.size ? std::min(size, value.size - offset) : 0;
}

}  // namespace

std::string read_value(std::string_view key, const ValueSnapshot& value, std::uint64_t offset, std::uint64_t size,
                       std::size_t spare) {
  size = size_of_range(value, offset, size);
  if (size == 0) return {};
  if (size > always_fits && size > available_memory()) throw_too_large(key, size);
  try {
    std::string bytes;
    if (spare > 0) bytes.reserve(size + spare);
    append_filled(bytes, size, [&](std::span<char> to) { return value.file->read_at(offset, to); });
    if (bytes.size() < size) throw_cut(key, bytes.size(), size);
    return bytes;
  } catch (const std::bad_alloc&) {
    throw_too_large(key, size);
  } catch (const std::length_error&) {
    throw_too_large(key, size);
  }
}

std::size_t read_value_into(std::string_view key, const ValueSnapshot& value, std::uint64_t offset,
                            std::span<char> to) {
  const std::uint64_t size = size_of_range(value, offset, to.size());
  const std::size_t read = size == 0 ? 0 : value.file->read_at(offset, to.first(size));
  if (read < size) throw_cut(key, read, size);
  return read;
}

}  // namespace accrete
