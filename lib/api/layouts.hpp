// The table of layouts. A new one is a folder in lib/layout and a row here.
#pragma once

#include "dataset/layout.hpp"

namespace accrete {

/// The first is that of a dataset whose user asks for none.
[[nodiscard]] Layouts layouts() noexcept;

/// One more row, of a program's own. Before anything else of the library is called.
void add_layout(const Layout& layout);

}  // namespace accrete
