#include "layout/files/linked_files.hpp"

#include <accrete/error.hpp>
#include <string_view>
#include <vector>

#include "base/escape.hpp"
#include "dataset/layout.hpp"
#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "layout/files/dataset_files.hpp"
#include "os/system.hpp"
#include "os/uuid.hpp"

namespace accrete {

void separate_own_files(Directory& directory, Control& control, Control::Header& header) {
  const std::vector<std::string> shared = shared_own_names(directory);
  // First, so that nobody goes on with what was replaced. Where a change is in progress, its recovery says so.
  if (!shared.empty() && header.state == ChangeState::idle) {
    ++header.words.commits;
    ++header.words.removals;
    control.set_words(header.words);
  }
  for (const std::string& name : shared) replace_by_copy(directory, name);
}

bool is_linked_copy(const Directory& directory, const Control& control) {
  return control.links() > 1 && control.load_home() != directory.info("")->inode;
}

bool is_linked_copy(Directory& directory) {
  try {
    return is_linked_copy(directory, Control(directory, true));
  } catch (const CorruptionError&) {
    return false;
  }
}

std::string describe_linked_copy(const Directory& directory) {
  return quoted(directory.path()) +
         " is a copy of a dataset by hard links and shares its files with it, so that a change to one would be a "
         "change "
         "to both; 'accrete verify --repair' gives it files and a UUID of its own";
}

void separate_linked_copy(Directory& directory, const std::optional<Marker>& marker) {
  const Control control(directory, true);
  const Control::Header header = control.load();
  const bool has_failed_sync = control.has_failed_sync();
  refuse_living_owner(directory, header.owner);
  // The journal has what was synced since a checkpoint, of the original's values as they became.
  directory.sync_file_system();
  for (const OwnName& own : own_names()) {
    const bool is_copied = own.separated == OwnName::Separated::copied && is_shared(directory, own.name);
    if (is_copied) replace_by_copy(directory, own.name);
    if (own.separated == OwnName::Separated::removed) remove_if_there(directory, own.name);
  }
  if (marker) {
    Marker own = *marker;
    own.uuid = format_uuid(random_uuid());
    own.temporary = false;  // its owner has the original
    replace_whole(directory, marker_name, staged_marker_name, encode_marker(own));
  }
  replace_whole(directory, lock_name, mended_name, "");
  // Last: until then it is a linked copy, and this can be done again. Made anew, of no boot, so that all is counted: a
  // change that was in progress is the original's. The journal of a buffer says itself whether it is to be handed down:
  // the original may have another one by now.
  replace_whole(directory, control_name, staged_control_name, Control::initial(Boots{}, {}, has_failed_sync));
  Control(directory, false).set_home(directory.info("")->inode);
  directory.sync();
}

}  // namespace accrete
