#include "cli/append_for_certain.hpp"

#include <accrete/error.hpp>

namespace accrete::cli {

void append_for_certain(Store& store, std::span<const Entry> entries, const AppendOptions& options) {
  try {
    store.append_batch(entries, options);
  } catch (const UnknownOutcomeError& error) {
    AppendOptions again = options;
    if (!again.id) again.id = error.batch();
    if (!again.id) throw;  // a dataset without a server may complete the first one, and would append the second too
    store.append_batch(entries, again);
  }
}

}  // namespace accrete::cli
