// The server's log: one line each on standard error. It never waits for who reads it.
#pragma once

#include <chrono>
#include <cstdint>

// Not spdlog's own header, which takes as long to compile as all else of a file.
#include <fmt/core.h>

namespace accrete::server::log {

enum class Level { debug, info, warning };

/// Below the threshold nothing is written: ACCRETE_LOG (debug, info, warning, error, off; info if it is not set,
/// or to another word, which is told).
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

/// Warnings that may come by the thousand: one a second is written, and then how many were left out. For one thread at
/// a time.
class Repeated {
 public:
  /// `what` they are about.
  explicit Repeated(const char* what) noexcept : what_(what) {}

  template <typename... Arguments>
  void warning(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
    write(format, fmt::make_format_args(arguments...));
  }

  /// To be called now and then, since no other may come that would tell of them.
  void tell_left_out();

 private:
  void write(fmt::string_view format, fmt::format_args arguments);

  const char* what_;
  std::uint64_t left_out_ = 0;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace accrete::server::log
