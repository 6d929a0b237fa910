#include "cli/loader.hpp"

#include <accrete/error.hpp>
#include <new>
#include <utility>

#include "cli/input_load.hpp"

namespace accrete::cli {
namespace {

/// Throws the error that is being handled once more, as its type where the type matters, with more to say.
[[noreturn]] void rethrow_with(const std::string& addition) {
  try {
    throw;
  } catch (const LockedError& error) {
    throw LockedError(error.what() + addition);
  } catch (const NotFoundError& error) {
    throw NotFoundError(error.what() + addition);
  } catch (const Error& error) {
    throw Error(error.what() + addition);
  } catch (const std::bad_alloc&) {
    throw TooLargeError("there is not enough memory" + addition);
  }
}

}  // namespace

Loader::Loader(Store& store, RowParser& parser, LoadOptions options, LoadObserver& observer)
    : store_(store), parser_(parser), options_(std::move(options)), observer_(observer) {
  if (options_.id) id_.emplace(*options_.id, parser_.description());
}

void Loader::load(ByteSource& input) {
  observer_.begin(input);
  InputLoad load(store_, parser_, options_, observer_, input);
  try {
    load.run(id_ ? &*id_ : nullptr);
  } catch (...) {
    load.add_to(totals_);
    std::string addition = "; " + load.what_was_appended();
    if (totals_.inputs > 0) addition += ", and the inputs before this one are loaded whole";
    rethrow_with(addition);
  }
  load.add_to(totals_);
  ++totals_.inputs;
}

}  // namespace accrete::cli
