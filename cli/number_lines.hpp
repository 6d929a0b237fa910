// The elements of a typed array as lines of text.
#pragma once

#include <accrete/store.hpp>
#include <string_view>

#include "cli/output.hpp"

namespace accrete::cli {

/// One line for each element of the value, each behind `front`. Throws TypeMismatchError if it holds no elements.
void write_number_lines(Output& out, const Store& store, std::string_view key, std::string_view front);

}  // namespace accrete::cli
