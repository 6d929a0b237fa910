// An append of which the program says only what is certain.
#pragma once

#include <accrete/store.hpp>
#include <span>

namespace accrete::cli {

/// Appends a batch; if a server does not say in time what has become of it, it is sent once more, under the same id.
void append_for_certain(Store& store, std::span<const Entry> entries, const AppendOptions& options = {});

}  // namespace accrete::cli
