// What stands at the path where a local socket is to be made.
#pragma once

#include <optional>
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

/// The user, such as "ann (uid 1000)", whose socket at `path` this process may not connect to; nullopt if it may, or
/// there is none.
[[nodiscard]] std::optional<std::string> owner_of_forbidden_socket(const std::string& path);

/// The same for whatever directory comes to be the current one; `path` where that would be too long for a socket.
[[nodiscard]] std::string whole_socket_path(const std::string& path);

}  // namespace accrete
