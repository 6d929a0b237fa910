#include "cli/text_format.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace accrete::cli {
namespace {

std::string decimal(double number, int digits) {
  std::array<char, 64> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.*f", digits, number));
  return text.data();
}

std::string two_digits(std::uint64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

}  // namespace

std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string counted(std::uint64_t number, const std::string& noun) {
  return grouped(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string byte_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> units = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double size = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (size >= 999.95 && unit + 1 < units.size()) {
    size /= 1000;
    ++unit;
  }
  return decimal(size, 1) + " " + units[unit];
}

std::string seconds(std::chrono::duration<double> time) {
  return decimal(time.count(), time.count() < 10 ? 2 : 1) + " s";
}

std::string byte_rate(std::uint64_t bytes, std::chrono::duration<double> time) {
  const double rate = static_cast<double>(bytes) / 1e6 / std::max(time.count(), 1e-6);
  return decimal(rate, rate < 10 ? 1 : 0) + " MB/s";
}

std::string clock_time(std::chrono::duration<double> time) {
  const auto whole = static_cast<std::uint64_t>(std::llround(std::clamp(time.count(), 0.0, 1e9)));
  if (whole < 3600) return std::to_string(whole / 60) + ":" + two_digits(whole % 60);
  return std::to_string(whole / 3600) + ":" + two_digits(whole / 60 % 60) + ":" + two_digits(whole % 60);
}

}  // namespace accrete::cli
