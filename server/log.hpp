// The server's log: one line each on standard error.
#pragma once

// Not spdlog's own header, which takes as long to compile as all else of a file.
#include <fmt/core.h>

namespace accrete::server::log {

enum class Level { debug, info, warning };

/// Below the threshold nothing is written: ACCRETE_LOG (debug, info, warning, error; info if it is not set).
void write(Level level, fmt::string_view format, fmt::format_args arguments);

template <typename... Arguments>
void debug(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
  write(Level::debug, format, fmt::make_format_args(arguments...));
}

template <typename... Arguments>
void info(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
  write(Level::info, format, fmt::make_format_args(arguments...));
}

template <typename... Arguments>
void warning(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
  write(Level::warning, format, fmt::make_format_args(arguments...));
}

}  // namespace accrete::server::log
