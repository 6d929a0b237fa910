// What the first bytes of an input say of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace accrete::cli {

struct InputFront {
  std::size_t mark_size = 0;  ///< bytes of the byte order mark, which stands before the text
  char ending = '\n';         ///< of its lines: LF, or CR in a text that has only that
  std::string problem{};      ///< where it is no text of bytes: what it is, and what to do
};

/// nullopt where more of the input is needed. `complete`: nothing follows `text`.
[[nodiscard]] std::optional<InputFront> look_at_front(std::string_view text, bool complete);

}  // namespace accrete::cli
