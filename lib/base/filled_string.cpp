// Compiled as C++23, for std::string::resize_and_overwrite; the headers stay C++20.
#include "base/filled_string.hpp"

#include <exception>
#include <stdexcept>

namespace accrete {

void append_filled(std::string& to, std::size_t size, const std::function<std::size_t(std::span<char>)>& fill) {
  const std::size_t before = to.size();
  if (size > to.max_size() - before) throw std::length_error("append_filled");
  std::exception_ptr failure;  // resize_and_overwrite must not be left by an exception
  to.resize_and_overwrite(before + size, [&](char* data, std::size_t) -> std::size_t {
    try {
      return before + fill({data + before, size});
    } catch (...) {
      failure = std::current_exception();
      return before;
    }
  });
  if (failure) std::rethrow_exception(failure);
}

std::string filled_string(std::size_t size, const std::function<std::size_t(std::span<char>)>& fill) {
  std::string bytes;
  append_filled(bytes, size, fill);
  return bytes;
}

}  // namespace accrete
