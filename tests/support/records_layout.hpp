// A layout for tests: all changes of a dataset, one record each, in one file. It shows what a layout has to bring
// along, and that everything above works over any.
#pragma once

#include "dataset/layout.hpp"

namespace accrete::test {

/// Datasets of it are created with CreateOptions::layout = "records", by programs that have added it to the table.
[[nodiscard]] const Layout& records_layout() noexcept;

}  // namespace accrete::test
