// Takes lines off the front of a text that comes in pieces.
#pragma once

#include <string_view>

namespace accrete::cli {

class LineReader {
 public:
  /// LF or CR.
  void set_ending(char ending) noexcept { ending_ = ending; }

  void feed(std::string_view text, bool complete) noexcept {
    left_ = text;
    complete_ = complete;
  }

  /// The next line with its ending, which only the last may lack; empty if the text has no further whole line.
  [[nodiscard]] std::string_view next() noexcept {
    const std::size_t ending = left_.find(ending_);
    if (ending == std::string_view::npos && !complete_) return {};
    const std::string_view line = left_.substr(0, ending == std::string_view::npos ? ending : ending + 1);
    left_.remove_prefix(line.size());
    return line;
  }

  [[nodiscard]] bool is_ended(std::string_view line) const noexcept { return line.ends_with(ending_); }

 private:
  std::string_view left_;
  bool complete_ = false;
  char ending_ = '\n';
};

/// Without its LF, CR LF or CR; the CR of a last line without LF goes too, as half an ending.
[[nodiscard]] inline std::string_view without_ending(std::string_view line) noexcept {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace accrete::cli
