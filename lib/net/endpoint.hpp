// What an endpoint's text says about who can reach it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace accrete {

/// Whether it begins as an endpoint does, be it whole or not.
[[nodiscard]] bool has_endpoint_scheme(std::string_view text) noexcept;

/// `ipc://` with something after it, or `tcp://` with a host and a port (`*`: a free one). ZeroMQ makes ports of other
/// text, too: of 65537 and of 1e3 the port 1.
[[nodiscard]] bool is_endpoint(std::string_view text) noexcept;

[[nodiscard]] bool is_tcp(std::string_view endpoint) noexcept;

/// The path of an `ipc://` endpoint that names a file; nullopt for TCP, an abstract socket or a temporary one.
[[nodiscard]] std::optional<std::string> socket_path(std::string_view endpoint);

/// True if only this host reaches it: `ipc://`, or TCP on a loopback address. A name other than localhost is taken for
/// an address that others reach.
[[nodiscard]] bool is_local(std::string_view endpoint) noexcept;

/// True for TCP on an IPv4 address in digits.
[[nodiscard]] bool has_ipv4_address(std::string_view endpoint) noexcept;

}  // namespace accrete
