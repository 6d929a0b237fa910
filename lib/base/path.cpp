#include "base/path.hpp"

#include <accrete/error.hpp>

#include "base/escape.hpp"

namespace accrete {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

void check_no_nul(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) {
    throw InvalidArgumentError("the path " + quoted(path) + " has a NUL byte in it");
  }
}

std::string without_trailing_slashes(const std::string& path) {
  const std::size_t last = path.find_last_not_of('/');
  if (last == std::string::npos) throw InvalidArgumentError("no dataset can be at " + quoted(path));
  return path.substr(0, last + 1);
}

}  // namespace accrete
