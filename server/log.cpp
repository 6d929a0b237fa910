#include "server/log.hpp"

#include <cstdlib>
#include <memory>
#include <spdlog/sinks/stdout_sinks.h>

namespace accrete::server::log {

spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> logger = [] {
    auto made = std::make_unique<spdlog::logger>("accrete", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("accrete: %Y-%m-%d %H:%M:%S.%e %l: %v");
    if (const char* level = std::getenv("ACCRETE_LOG")) made->set_level(spdlog::level::from_str(level));
    return made;
  }();
  return *logger;
}

}  // namespace accrete::server::log
