#include "server/log.hpp"

#include <cstdlib>
#include <memory>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace accrete::server::log {
namespace {

spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> logger = [] {
    auto made = std::make_unique<spdlog::logger>("accrete", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("accrete: %Y-%m-%d %H:%M:%S.%e %l: %v");
    if (const char* level = std::getenv("ACCRETE_LOG")) made->set_level(spdlog::level::from_str(level));
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      break;
  }
  return spdlog::level::warn;
}

}  // namespace

void write(Level level, fmt::string_view format, fmt::format_args arguments) {
  if (!logger().should_log(level_of(level))) return;
  logger().log(level_of(level), fmt::vformat(format, arguments));
}

}  // namespace accrete::server::log
