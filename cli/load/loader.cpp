#include "cli/load/loader.hpp"

#include <utility>

#include "cli/load/input_load.hpp"
#include "cli/rethrow_with.hpp"

namespace accrete::cli {
Loader::Loader(Store& store, RowParser& parser, LoadOptions options, LoadObserver& observer)
    : store_(store), parser_(parser), options_(std::move(options)), observer_(observer), header_(store, parser) {
  if (options_.id) id_.emplace(*options_.id, parser_.description());
}

void Loader::load(ByteSource& input) {
  observer_.begin(input);
  InputLoad load(store_, parser_, header_, options_, observer_, input);
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
