// Takes lines off the front of a text that comes in pieces.
#pragma once

#include <string_view>

namespace accrete::cli {

class LineReader {
 public:
  void feed(std::string_view text, bool complete) noexcept {
    left_ = text;
    complete_ = complete;
  }

  /// The next line with its LF, which only the last may lack; empty if the text has no further whole line.
  [[nodiscard]] std::string_view next() noexcept {
    const std::size_t newline = left_.find('\n');
    if (newline == std::string_view::npos && !complete_) return {};
    const std::string_view line = left_.substr(0, newline == std::string_view::npos ? newline : newline + 1);
    left_.remove_prefix(line.size());
    return line;
  }

 private:
  std::string_view left_;
  bool complete_ = false;
};

inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Without its LF or CR LF; the CR of a last line without LF goes too, as half an ending.
[[nodiscard]] inline std::string_view without_ending(std::string_view line) noexcept {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace accrete::cli
