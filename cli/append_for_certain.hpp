// An append of which the program says only what is certain.
#pragma once

#include <accrete/store.hpp>
#include <span>

namespace accrete::cli {

/// Appends a batch; if it cannot be told what has become of it, it is appended once more, under the same id. Without
/// one (a server's client makes its own, a dataset without a server none), it is UnknownOutcomeError at once.
/// All other errors say that nothing is applied.
void append_for_certain(Store& store, std::span<const Entry> entries, const AppendOptions& options = {});

}  // namespace accrete::cli
