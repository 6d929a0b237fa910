// Lines "name value\n", of which the small text files of a dataset are made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accrete {

/// Takes the line `name value` off the front of `text`; nullopt, and nothing is taken, if another one is there.
[[nodiscard]] std::optional<std::string_view> take_field(std::string_view& text, std::string_view name);

/// The line that ends such a file: a checksum (XXH3-64) of all of `text`.
[[nodiscard]] std::string checksum_line(std::string_view text);

}  // namespace accrete
