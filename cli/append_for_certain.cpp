#include "cli/append_for_certain.hpp"

#include <accrete/error.hpp>
#include <string>

namespace accrete::cli {

namespace {

/// What fails this time says nothing of the first time, but that the size is another one: an id is looked at before it.
void append_again(Store& store, std::span<const Entry> entries, const AppendOptions& options) {
  try {
    store.append_batch(entries, options);
  } catch (const SizeMismatchError&) {
    throw;
  } catch (const UnknownOutcomeError&) {
    throw;
  } catch (const Error& error) {
    throw UnknownOutcomeError(std::string(error.what()) + "; it was sent before, and may have been applied then",
                              options.id);
  }
}

}  // namespace

void append_for_certain(Store& store, std::span<const Entry> entries, const AppendOptions& options) {
  try {
    store.append_batch(entries, options);
  } catch (const UnknownOutcomeError& error) {
    AppendOptions again = options;
    if (!again.id) again.id = error.batch();
    if (!again.id) throw;  // a dataset without a server may complete the first one, and would append the second too
    append_again(store, entries, again);
  }
}

}  // namespace accrete::cli
