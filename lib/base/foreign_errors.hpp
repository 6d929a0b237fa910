// What other libraries throw, as errors of accrete: nothing else leaves the API.
#pragma once

#include <accrete/error.hpp>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "base/escape.hpp"

namespace accrete {

/// Throws the exception that is being handled once more, if it is accrete's; else an error of accrete that says the
/// same of `action`, which is one of a key's or not.
[[noreturn]] inline void rethrow_as_error(std::string_view action, std::optional<std::string_view> key = {}) {
  const std::string problem = "cannot " + std::string(action) + (key ? " of key " + quoted(*key) : "") + ": ";
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw TooLargeError(problem + "it does not fit into memory");
  } catch (const std::length_error&) {
    throw TooLargeError(problem + "it does not fit into memory");
  } catch (const std::system_error& error) {
    throw IoError(problem + error.what(), error.code());
  } catch (const std::exception& error) {
    throw Error(problem + error.what());
  }
}

/// Runs `call`; what it throws is an error of accrete.
template <typename Call>
auto without_foreign_errors(std::string_view action, Call&& call) {
  try {
    return call();
  } catch (...) {
    rethrow_as_error(action);
  }
}
template <typename Call>
auto without_foreign_errors(std::string_view action, std::string_view key, Call&& call) {
  try {
    return call();
  } catch (...) {
    rethrow_as_error(action, key);
  }
}

}  // namespace accrete
