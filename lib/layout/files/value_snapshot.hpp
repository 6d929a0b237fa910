// Reading a value as it was at one moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "os/env.hpp"

namespace accrete {

/// Appends leave the first `size` bytes of a value alone, and an erase leaves an open file alone, so that it is read
/// without a lock.
struct ValueSnapshot {
  std::shared_ptr<File> file;  ///< nullptr: there is no value
  std::uint64_t size = 0;
};

/// A string with room for `spare` bytes more. Throws TooLargeError for what does not fit into memory.
[[nodiscard]] std::string read_value(std::string_view key, const ValueSnapshot& value, std::uint64_t offset,
                                     std::uint64_t size, std::size_t spare = 0);

/// As above, up to `to.size()` bytes, to the front of `to`. Returns how many.
[[nodiscard]] std::size_t read_value_into(std::string_view key, const ValueSnapshot& value, std::uint64_t offset,
                                          std::span<char> to);

}  // namespace accrete
