// Paths that a user gives, as text.
#pragma once

#include <string>
#include <string_view>

namespace accrete {

/// "." for a relative path of one component.
[[nodiscard]] std::string parent_of(const std::string& path);

/// Its last component.
[[nodiscard]] std::string name_of(const std::string& path);

/// Throws InvalidArgumentError if there is a NUL byte in it: the system would take what is before that.
void check_no_nul(std::string_view path);

/// Throws InvalidArgumentError for nothing but slashes.
[[nodiscard]] std::string without_trailing_slashes(const std::string& path);

}  // namespace accrete
