// What stands at the path where a local socket is to be made.
#pragma once

#include <string>

namespace accrete {

enum class LocalSocket {
  none,   ///< nothing
  stale,  ///< a socket that nobody listens at: whoever made it is dead
  live,   ///< one that somebody may listen at
  other,  ///< something else
};

/// Tries to connect, which is the only way to tell a live socket from a stale one.
[[nodiscard]] LocalSocket look_at_local_socket(const std::string& path);

}  // namespace accrete
