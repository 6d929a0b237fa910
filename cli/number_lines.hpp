// The elements of a typed array, and the rows of a table, as lines of text.
#pragma once

#include <accrete/store.hpp>
#include <string_view>

#include "cli/output.hpp"

namespace accrete::cli {

/// One line for each element of the value, each after `front`. Throws TypeMismatchError if it holds no elements.
void write_number_lines(Output& out, const Store& store, std::string_view key, std::string_view front);

/// One line of the names of a table's columns, and one for each row, each after `front`. False: the key is no table.
[[nodiscard]] bool try_write_table_lines(Output& out, Store& store, std::string_view key, std::string_view front);

}  // namespace accrete::cli
