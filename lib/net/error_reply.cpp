// Exceptions to their numbers on the wire and back.
#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>
#include <type_traits>

#include "base/own_writer.hpp"
#include "net/decoder.hpp"
#include "net/protocol.hpp"

namespace accrete::wire {
namespace {

struct ErrorType {
  std::uint8_t number;
  bool retryable;
  bool (*is_it)(const std::exception&);
  void (*raise)(const std::string& message, int code);
};

template <typename T>
constexpr ErrorType error_type(std::uint8_t number, bool retryable = false) {
  return {number, retryable, [](const std::exception& e) { return dynamic_cast<const T*>(&e) != nullptr; },
          [](const std::string& message, int code) {
            if constexpr (std::is_base_of_v<IoError, T>) {
              throw T(message, std::error_code(code, std::generic_category()));
            } else {
              throw T(message);
            }
          }};
}

constexpr std::uint8_t plain_error = 1;
constexpr std::uint8_t too_large_error = 11;

/// Derived types stand before their bases. The numbers are part of the protocol.
constexpr std::array error_types = {
    error_type<DiskFullError>(3, true),   error_type<IoError>(2),
    error_type<CorruptionError>(4),       error_type<NotFoundError>(5),
    error_type<ExistsError>(6),           error_type<LockedError>(7, true),
    error_type<InvalidKeyError>(8),       error_type<SizeMismatchError>(9),
    error_type<ReadOnlyError>(10),        error_type<TooLargeError>(too_large_error),
    error_type<InvalidArgumentError>(12), error_type<NetworkError>(13),
    error_type<TimeoutError>(14, true),   error_type<AuthError>(15),
    error_type<UnsupportedError>(16),     error_type<TypeMismatchError>(17),
    error_type<ForgottenIdError>(20),     error_type<UnknownOutcomeError>(18, true),
    error_type<ErasedError>(19),          error_type<Error>(plain_error),
};

/// Errors of the system that tell what it lacks now, not that the request cannot be served.
bool is_passing(int code) noexcept {
  return code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOBUFS || code == EAGAIN;
}

const ErrorType* find_error_type(std::uint8_t number) {
  const auto* at = std::find_if(error_types.begin(), error_types.end(),
                                [number](const ErrorType& type) { return type.number == number; });
  return at == error_types.end() ? nullptr : at;
}

}  // namespace

bool is_error_type(std::uint8_t number) noexcept { return find_error_type(number) != nullptr; }

ErrorReply describe_error(const std::exception_ptr& failure, std::string& message) {
  ErrorReply reply{.type = plain_error};
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    message = error.what();
    const auto* type = std::find_if(error_types.begin(), error_types.end(),
                                    [&error](const ErrorType& candidate) { return candidate.is_it(error); });
    reply.type = type->number;
    reply.retryable = type->retryable;
    if (const auto* io_error = dynamic_cast<const IoError*>(&error)) {
      reply.code = static_cast<std::uint32_t>(io_error->code().value());
      reply.retryable = reply.retryable || is_passing(io_error->code().value());
    }
  } catch (const std::bad_alloc&) {
    message = "cannot answer the request: the server has no memory left for it; try again, or ask for less";
    reply.type = too_large_error;
    reply.retryable = true;
  } catch (const std::length_error&) {
    message = "cannot answer the request: what it asks for is larger than memory; ask for less";
    reply.type = too_large_error;
  } catch (const std::exception& error) {
    message = error.what();
  } catch (...) {
    message = "cannot answer the request: the server failed for an unknown cause";
  }
  reply.message = message;
  return reply;
}

void throw_error(const ErrorReply& error) {
  const std::string message(error.message);
  if (const ErrorType* type = find_error_type(error.type)) type->raise(message, static_cast<int>(error.code));
  throw NetworkError("cannot tell the type " + std::to_string(error.type) + " of a server's error: " + message);
}

}  // namespace accrete::wire
