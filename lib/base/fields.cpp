#include "base/fields.hpp"

#include "base/hash.hpp"
#include "base/hex.hpp"

namespace accrete {

std::optional<std::string_view> take_field(std::string_view& text, std::string_view name) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || end <= name.size() || !text.starts_with(name) || text[name.size()] != ' ') {
    return std::nullopt;
  }
  const std::string_view value = text.substr(name.size() + 1, end - name.size() - 1);
  text.remove_prefix(end + 1);
  return value;
}

std::string checksum_line(std::string_view text) {
  const std::uint64_t checksum = hash64(text);
  std::string line = "checksum ";
  for (int shift = 56; shift >= 0; shift -= 8) append_hex(line, static_cast<char>(checksum >> shift));
  return line += '\n';
}

}  // namespace accrete
