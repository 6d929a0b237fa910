#include "server/log.hpp"

#include <cstdlib>
#include <memory>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <string>
#include <string_view>

#include "base/escape.hpp"
#include "os/standard_streams.hpp"

namespace accrete::server::log {
namespace {

/// Standard error, which must not hold up the server when nobody reads it: lines are left out then, and the next one
/// that is read says how many.
class StandardErrorSink final : public spdlog::sinks::base_sink<std::mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t buffer;
    formatter_->format(message, buffer);
    std::string text;
    if (left_out_ > 0) {
      text = "accrete: " + std::to_string(left_out_) + " lines were left out here: nobody read standard error\n";
    }
    text.append(buffer.data(), buffer.size());
    constexpr std::size_t max_size = 4096;
    if (text.size() > max_size) text.replace(max_size - 4, std::string::npos, "...\n");
    left_out_ = try_write_to(StandardStream::error, text) ? 0 : left_out_ + 1;
  }

  void flush_() override {}

  std::uint64_t left_out_ = 0;
};

/// A word that is none must not silence the server: spdlog takes it for "off".
void set_level(spdlog::logger& logger, const std::string& word) {
  const spdlog::level::level_enum level = spdlog::level::from_str(word);
  if (level != spdlog::level::off || word == "off") {
    logger.set_level(level);
    return;
  }
  logger.warn("ACCRETE_LOG={} is none of debug, info, warning, error and off: it logs as for info", escape(word));
}

spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> logger = [] {
    auto made = std::make_unique<spdlog::logger>("accrete", std::make_shared<StandardErrorSink>());
    made->set_pattern("accrete: %Y-%m-%d %H:%M:%S.%e %l: %v");
    const char* const word = std::getenv("ACCRETE_LOG");
    if (word && *word != '\0') set_level(*made, word);
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

void Repeated::write(fmt::string_view format, fmt::format_args arguments) {
  if (std::chrono::steady_clock::now() < next_) {
    ++left_out_;
    return;
  }
  tell_left_out();
  log::write(Level::warning, format, arguments);
  next_ = std::chrono::steady_clock::now() + std::chrono::seconds{1};
}

void Repeated::tell_left_out() {
  if (left_out_ == 0 || std::chrono::steady_clock::now() < next_) return;
  log::warning("{} more lines like that were left out: {}", left_out_, what_);
  left_out_ = 0;
  next_ = std::chrono::steady_clock::now() + std::chrono::seconds{1};
}

}  // namespace accrete::server::log
