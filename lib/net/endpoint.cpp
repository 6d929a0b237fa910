#include "net/endpoint.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace accrete {
namespace {

constexpr std::string_view ipc_scheme = "ipc://";
constexpr std::string_view tcp_scheme = "tcp://";

/// Of a TCP endpoint.
std::string_view host_of(std::string_view endpoint) noexcept {
  endpoint.remove_prefix(tcp_scheme.size());
  const std::size_t colon = endpoint.rfind(':');
  return endpoint.substr(0, colon);
}

/// Of a TCP endpoint; empty if it has none, or no host.
std::string_view port_of(std::string_view endpoint) noexcept {
  endpoint.remove_prefix(tcp_scheme.size());
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  return endpoint.substr(colon + 1);
}

bool is_port(std::string_view text) noexcept {
  if (text == "*") return true;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size();
}

bool is_ipv4(std::string_view host) noexcept {
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

bool has_endpoint_scheme(std::string_view text) noexcept {
  return text.starts_with(ipc_scheme) || text.starts_with(tcp_scheme);
}

bool is_endpoint(std::string_view text) noexcept {
  if (text.starts_with(ipc_scheme)) return text.size() > ipc_scheme.size();
  return is_tcp(text) && is_port(port_of(text));
}

bool is_tcp(std::string_view endpoint) noexcept { return endpoint.starts_with(tcp_scheme); }

std::optional<std::string> socket_path(std::string_view endpoint) {
  if (!endpoint.starts_with(ipc_scheme)) return std::nullopt;
  endpoint.remove_prefix(ipc_scheme.size());
  if (endpoint.starts_with('@') || endpoint == "*") return std::nullopt;
  return std::string(endpoint);
}

bool is_local(std::string_view endpoint) noexcept {
  if (!is_tcp(endpoint)) return true;
  const std::string_view host = host_of(endpoint);
  if (host == "localhost" || host == "[::1]") return true;
  return is_ipv4(host) && host.starts_with("127.");
}

bool has_ipv4_address(std::string_view endpoint) noexcept { return is_tcp(endpoint) && is_ipv4(host_of(endpoint)); }

}  // namespace accrete
