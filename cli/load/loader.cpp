#include "cli/load/loader.hpp"

#include <utility>

#include "cli/load/input_load.hpp"
#include "cli/load/small_inputs.hpp"
#include "cli/rethrow_with.hpp"

namespace accrete::cli {

LoadTotals& LoadTotals::operator+=(const LoadTotals& other) {
  inputs += other.inputs;
  rows += other.rows;
  bytes += other.bytes;
  malformed += other.malformed;
  input_bytes += other.input_bytes;
  resumed_bytes += other.resumed_bytes;
  return *this;
}

Loader::Loader(Store& store, RowParser& parser, LoadOptions options, LoadObserver& observer)
    : store_(store), parser_(parser), options_(std::move(options)), observer_(observer), header_(store, parser) {
  if (options_.id) id_.emplace(*options_.id, parser_.description());
}

void Loader::load(ByteSource& input) {
  observer_.begin(input.name(), input.size());
  std::optional<InputLoad> load;
  try {
    load.emplace(store_, parser_, header_, options_, observer_, input);
    load->run(id_ ? &*id_ : nullptr);
  } catch (...) {
    if (load) load->add_to(totals_);
    rethrow_with("; " + (load ? load->what_was_appended() : std::string(nothing_was_appended)) +
                 (totals_.inputs > 0 ? ", and the inputs before this one are loaded whole" : ""));
  }
  load->add_to(totals_);
  ++totals_.inputs;
}

void Loader::load(std::span<const std::string> paths, const OpenInput& open) {
  std::optional<SmallInputs> small;
  while (!paths.empty()) {
    load(*open_next(paths.front(), open));
    paths = paths.subspan(1);
    if (options_.id) continue;  // each input has batches of its own
    if (!small) small.emplace(store_, parser_, options_, observer_, open, totals_);
    paths = paths.subspan(small->load(paths));
  }
}

std::unique_ptr<ByteSource> Loader::open_next(const std::string& path, const OpenInput& open) const {
  try {
    return open(path);
  } catch (...) {
    if (totals_.inputs == 0) throw;
    rethrow_with("; the inputs before it are loaded whole");
  }
}

}  // namespace accrete::cli
