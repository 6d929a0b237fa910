#include "cli/load/progress_bar.hpp"

#include <algorithm>
#include <exception>

#include "base/escape.hpp"
#include "cli/text_format.hpp"
#include "os/standard_streams.hpp"

namespace accrete::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto redraw_interval = 100ms;
constexpr std::size_t widest_bar = 40;
constexpr std::size_t narrowest_bar = 8;
constexpr const char* clear_line = "\r\x1B[K";

std::string bar(double fraction, std::size_t width) {
  const auto full = static_cast<std::size_t>(fraction * static_cast<double>(width));
  return "[" + std::string(full, '#') + std::string(width - full, '.') + "]  ";
}

}  // namespace

ProgressBar::ProgressBar(bool wanted) : enabled_(wanted && is_terminal(StandardStream::error)) {}

void ProgressBar::begin(const std::string& name, std::optional<std::uint64_t> total) {
  clear();
  name_ = escape(name);
  total_ = total;
  begin_ = Clock::now();
  next_draw_ = begin_ + redraw_interval;  // what is done before then needs no bar
}

void ProgressBar::show(std::uint64_t bytes, std::uint64_t rows) noexcept {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + redraw_interval;
  try {
    write_to(StandardStream::error, clear_line + line(bytes, rows));
    shown_ = true;
  } catch (const std::exception&) {
    enabled_ = false;  // the job matters, its bar does not
  }
}

void ProgressBar::clear() noexcept {
  if (!shown_) return;
  shown_ = false;
  try {
    write_to(StandardStream::error, clear_line);
  } catch (const std::exception&) {
    enabled_ = false;
  }
}

std::string ProgressBar::line(std::uint64_t bytes, std::uint64_t rows) const {
  const std::size_t width = terminal_width(StandardStream::error) - 1;  // the last column would wrap
  const std::chrono::duration<double> spent = Clock::now() - begin_;
  std::string front = name_ + "  ";
  std::string back = grouped(rows) + " rows  " + byte_rate(bytes, spent);
  if (total_ && *total_ > 0 && bytes > 0) {
    const double fraction = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(*total_));
    const std::string percent = std::to_string(static_cast<int>(fraction * 100)) + " %  ";
    back = percent + back + "  " + clock_time(spent * (1 / fraction - 1)) + " left";
    const std::size_t taken = front.size() + back.size() + 4;
    if (width >= taken + narrowest_bar) back = bar(fraction, std::min(width - taken, widest_bar)) + back;
  }
  if (front.size() + back.size() > width) front.clear();
  return (front + back).substr(0, width);
}

}  // namespace accrete::cli
