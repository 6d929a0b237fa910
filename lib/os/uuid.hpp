// UUIDs as text.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace accrete {

/// 8-4-4-4-12 lower-case hexadecimal digits.
[[nodiscard]] std::string format_uuid(const std::array<std::byte, 16>& uuid);
/// nullopt unless it is what format_uuid would write.
[[nodiscard]] std::optional<std::array<std::byte, 16>> parse_uuid(std::string_view text);

}  // namespace accrete
