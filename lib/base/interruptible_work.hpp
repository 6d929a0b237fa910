// Copying and other work of many short steps, which may be interrupted between them: gigabytes take seconds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/interruption.hpp"

namespace accrete {

/// Asks each time that so much is done as takes some milliseconds.
class InterruptibleWork {
 public:
  /// To be called after each step. Throws InterruptedError.
  void done(std::size_t bytes) {
    constexpr std::size_t least_step = 4096;  // what a step of no bytes counts as
    done_ += bytes + least_step;
    if (done_ < bytes_between_checks) return;
    done_ = 0;
    throw_if_interrupted();
  }

  /// Copies to where there is room. Throws InterruptedError, with some of the bytes copied.
  void copy(std::string_view from, char* to) {
    for_each_part(from, [&to](std::string_view part) { to += part.copy(to, part.size()); });
  }

  /// Throws InterruptedError, with some of the bytes appended, and std::bad_alloc or std::length_error.
  void append(std::string_view from, std::string& to) {
    if (from.size() > to.capacity() - to.size() && to.size() + from.size() > bytes_between_checks) {
      grow(to, from.size());
    }
    for_each_part(from, [&to](std::string_view part) { to.append(part); });
  }

  [[nodiscard]] std::string copy_of(std::string_view from) {
    std::string to;
    append(from, to);
    return to;
  }

 private:
  static constexpr std::size_t bytes_between_checks = std::size_t{8} << 20;

  template <typename Copy>
  void for_each_part(std::string_view from, Copy copy) {
    while (from.size() > bytes_between_checks) {
      copy(from.substr(0, bytes_between_checks));
      from.remove_prefix(bytes_between_checks);
      done(bytes_between_checks);
    }
    copy(from);
    done(from.size());
  }

  /// As the string itself would, but for its bytes, which are copied in parts.
  void grow(std::string& bytes, std::size_t more) {
    if (more > bytes.max_size() - bytes.size()) throw std::length_error("InterruptibleWork::append");
    const std::size_t twice = bytes.empty() ? 0 : std::min(2 * bytes.capacity(), bytes.max_size());
    std::string grown;
    grown.reserve(std::max(bytes.size() + more, twice));
    for_each_part(bytes, [&grown](std::string_view part) { grown.append(part); });
    bytes.swap(grown);
  }

  std::size_t done_ = 0;
};

}  // namespace accrete
