// Where values lie, for a process that may read the files of a dataset which another process has for itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace accrete {

/// What the owner of a dataset knows of some values at one moment: each is the first `in_file` bytes of its file, and
/// then `rest`.
struct LocatedValues {
  struct Value {
    std::uint64_t in_file = 0;  ///< 0 as well for what is not worth a file to be opened for
    std::string rest{};
  };

  std::array<std::byte, 16> dataset{};  ///< its UUID
  std::uint64_t removals = 0;           ///< of the control file: the files are these as long as it is the same
  std::vector<Value> values{};
};

}  // namespace accrete
