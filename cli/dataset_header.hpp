// The header of the rows in a dataset: an attribute of it, which load sets and others write in front of values.
#pragma once

#include <accrete/store.hpp>
#include <string>
#include <string_view>

#include "cli/output.hpp"

namespace accrete::cli {

/// Its value is the row that names the columns, its ending included.
inline constexpr std::string_view header_attribute = "header";

/// Throws NotFoundError if the dataset has none.
[[nodiscard]] std::string header_of(const Store& store, const std::string& dataset);

}  // namespace accrete::cli
