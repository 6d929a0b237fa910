// Compiled as C++23, for std::string::resize_and_overwrite; the headers stay C++20.
#include "base/filled_string.hpp"

#include <exception>

namespace accrete {

std::string filled_string(std::size_t size, const std::function<std::size_t(std::span<char>)>& fill) {
  std::string bytes;
  std::exception_ptr failure;  // resize_and_overwrite must not be left by an exception
  bytes.resize_and_overwrite(size, [&](char* data, std::size_t) -> std::size_t {
    try {
      return fill({data, size});
    } catch (...) {
      failure = std::current_exception();
      return 0;
    }
  });
  if (failure) std::rethrow_exception(failure);
  return bytes;
}

}  // namespace accrete
