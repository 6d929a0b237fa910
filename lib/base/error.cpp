#include <accrete/error.hpp>
#include <cerrno>

#include "base/escape.hpp"
#include "base/throw_io_error.hpp"

namespace accrete {

IoError::IoError(std::string_view action, std::string_view object, int error_number)
    : Error("cannot " + std::string(action) + " " + quoted(object) + ": " +
            std::generic_category().message(error_number)),
      code_(error_number, std::generic_category()),
      object_(std::make_shared<const std::string>(object)) {}

IoError::IoError(const std::string& message, std::error_code code, std::string_view object)
    : Error(message), code_(code), object_(std::make_shared<const std::string>(object)) {}

void throw_io_error(std::string_view action, std::string_view object, int error_number) {
  if (error_number == ENOSPC || error_number == EDQUOT) throw DiskFullError(action, object, error_number);
  if (error_number == EROFS) {
    throw ReadOnlyError("cannot " + std::string(action) + " " + quoted(object) + ": it is on a read-only file system");
  }
  throw IoError(action, object, error_number);
}

}  // namespace accrete
