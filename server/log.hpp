// The server's log: one line each on standard error.
#pragma once

#include <cstdint>
#include <spdlog/spdlog.h>
#include <string>
#include <utility>

namespace accrete::server::log {

/// The logger, whose threshold is ACCRETE_LOG (debug, info, warning, error; info if it is not set).
[[nodiscard]] spdlog::logger& logger();

template <typename... Arguments>
void debug(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  logger().debug(format, std::forward<Arguments>(arguments)...);
}

template <typename... Arguments>
void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  logger().info(format, std::forward<Arguments>(arguments)...);
}

template <typename... Arguments>
void warning(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  logger().warn(format, std::forward<Arguments>(arguments)...);
}

}  // namespace accrete::server::log
