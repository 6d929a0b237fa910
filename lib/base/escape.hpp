// Bytes as printable text on one line, and back.
#pragma once

#include <string>
#include <string_view>

namespace accrete {

/// Appends `bytes` to `out` with every byte as `\xNN` that would break a line or a terminal: control characters (C0,
/// DEL, C1), what is not UTF-8, and the backslash itself, so that `unescape` restores the exact bytes.
void escape_to(std::string& out, std::string_view bytes);

[[nodiscard]] std::string escape(std::string_view bytes);

/// As RFC 3629 has it: without overlong forms and surrogates.
[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

/// Turns each `\xNN` (two hexadecimal digits) back into its byte; any other backslash stands for itself.
[[nodiscard]] std::string unescape(std::string_view text);

/// `'…'`, escaped, and shortened where it is long: for messages. An object, since a call of a function of this name
/// with a std::string would find std::quoted, too, which fits better.
struct Quoted {
  [[nodiscard]] std::string operator()(std::string_view bytes) const;
};
inline constexpr Quoted quoted;

}  // namespace accrete
