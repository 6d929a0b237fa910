#include "os/service_manager.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <sys/socket.h>
#include <sys/un.h>

#include "os/descriptor.hpp"

namespace accrete {
namespace {

std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

}  // namespace

std::error_code notify_service_manager(std::string_view state) noexcept {
  const char* const named = std::getenv("NOTIFY_SOCKET");
  if (!named) return {};
  const std::string_view name = named;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof address.sun_path) return std::make_error_code(std::errc::invalid_argument);
  name.copy(static_cast<char*>(address.sun_path), name.size());
  if (name.front() == '@') address.sun_path[0] = '\0';  // an abstract one
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return last_error();
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const ssize_t sent = ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), size);
  return sent < 0 ? last_error() : std::error_code();
}

}  // namespace accrete
