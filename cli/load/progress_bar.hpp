// One line on standard error that shows how far a long job is; nothing where that is not a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace accrete::cli {

class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { clear(); }

  /// Of `name`, `total` bytes (if that is known) are ahead. The time starts to run.
  void begin(const std::string& name, std::optional<std::uint64_t> total);

  /// Redraws the line, but not more often than ten times a second.
  void show(std::uint64_t bytes, std::uint64_t rows) noexcept;

  /// Takes the line away, as is due before anything else is printed.
  void clear() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::string line(std::uint64_t bytes, std::uint64_t rows) const;

  bool enabled_;
  bool shown_ = false;
  std::string name_;
  std::optional<std::uint64_t> total_;
  Clock::time_point begin_;
  Clock::time_point next_draw_;
};

}  // namespace accrete::cli
