// Zero bytes: what a file holds where nothing was written.
#pragma once

#include <cstring>
#include <string_view>

namespace accrete {

/// Whether all of `bytes`, which may be none, are zero.
[[nodiscard]] inline bool is_zero(std::string_view bytes) noexcept {
  return bytes.empty() || (bytes.front() == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace accrete
