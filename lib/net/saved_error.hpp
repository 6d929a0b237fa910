// An error kept to be thrown later, and in several threads: each throws an exception of its own.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "net/protocol.hpp"

namespace accrete {

class SavedError {
 public:
  explicit SavedError(const wire::ErrorReply& error)
      : type_(error.type), retryable_(error.retryable), code_(error.code), message_(error.message) {}

  template <typename T>
  [[nodiscard]] static SavedError of(const T& error) {
    std::string message;
    return SavedError(wire::describe_error(std::make_exception_ptr(error), message));
  }

  /// The same, with more to say.
  [[nodiscard]] SavedError with_note(std::string_view note) const {
    SavedError noted = *this;
    noted.message_ += note;
    return noted;
  }

  [[nodiscard]] bool retryable() const noexcept { return retryable_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[noreturn]] void raise() const { wire::throw_error({.type = type_, .code = code_, .message = message_}); }

 private:
  std::uint8_t type_;
  bool retryable_;
  std::uint32_t code_;
  std::string message_;
};

}  // namespace accrete
