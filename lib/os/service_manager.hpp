// What a service manager, such as systemd, is told of this process.
#pragma once

#include <string_view>
#include <system_error>

namespace accrete {

/// Sends `state`, such as "READY=1", where NOTIFY_SOCKET says, in the way of sd_notify(3). Where it says nothing,
/// nobody waits for that. It is one datagram, for which libsystemd would be a library more in each program.
[[nodiscard]] std::error_code notify_service_manager(std::string_view state) noexcept;

}  // namespace accrete
