// Rows as items of MessagePack.
#pragma once

#include <string>
#include <string_view>

namespace accrete::cli {

/// Why an item that a row has become could not be read again, or nothing.
[[nodiscard]] std::string problem_of_item(std::string_view item);

}  // namespace accrete::cli
