// Errors that gain words and stay what they are.
#pragma once

#include <string>

namespace accrete::cli {

/// For a handler: throws what it handles once more, with more to say, as the type that decides the exit code. Memory
/// that is out becomes TooLargeError.
[[noreturn]] void rethrow_with(const std::string& addition);

}  // namespace accrete::cli
