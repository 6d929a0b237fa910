// Strings that are filled, not zeroed and then filled: zeroing a value that is about to be read costs as much as
// reading it.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace accrete {

/// Appends up to `size` bytes to `to`, which is as before when this throws: `fill` writes to the front of the new bytes
/// and returns how many it wrote. Throws std::bad_alloc or std::length_error where `size` cannot be had, and what
/// `fill` throws.
void append_filled(std::string& to, std::size_t size, const std::function<std::size_t(std::span<char>)>& fill);

/// A string of up to `size` bytes: `fill` writes to its front and returns how many it wrote. Throws std::bad_alloc or
/// std::length_error where `size` cannot be had, and what `fill` throws.
[[nodiscard]] std::string filled_string(std::size_t size, const std::function<std::size_t(std::span<char>)>& fill);

}  // namespace accrete
