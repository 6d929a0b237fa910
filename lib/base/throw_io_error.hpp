// Which errno becomes which error.
#pragma once

#include <accrete/error.hpp>
#include <string_view>

namespace accrete {

/// Throws the error type that fits `error_number`, with the message of IoError.
[[noreturn]] void throw_io_error(std::string_view action, std::string_view object, int error_number);

}  // namespace accrete
