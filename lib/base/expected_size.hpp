// What AppendOptions::expect_size asks for.
#pragma once

#include <accrete/error.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/escape.hpp"

namespace accrete {

/// `size`: of the value; nullopt: there is none. `expected` 0: there must be none.
[[nodiscard]] inline bool has_expected_size(const std::optional<std::uint64_t>& size, std::uint64_t expected) noexcept {
  return expected == 0 ? !size : size == expected;
}

/// Throws SizeMismatchError unless has_expected_size. Sizes are in `unit`.
inline void check_expected_size(std::string_view key, const std::optional<std::uint64_t>& size, std::uint64_t expected,
                                const std::string& unit = "bytes") {
  if (has_expected_size(size, expected)) return;
  throw SizeMismatchError("the value of key " + quoted(key) + " was expected to " +
                          (expected == 0 ? "be new" : "have " + std::to_string(expected) + " " + unit) + ", but it " +
                          (size ? "has " + std::to_string(*size) : "does not exist"));
}

}  // namespace accrete
