#include "store/linked_files.hpp"

#include <accrete/error.hpp>
#include <string_view>
#include <vector>

#include "base/escape.hpp"
#include "os/system.hpp"
#include "store/buffer_journal.hpp"
#include "store/files_parts.hpp"
#include "store/staging.hpp"

namespace accrete {
namespace {

void remove_if_there(Directory& directory, const char* name) {
  if (directory.info(name)) directory.remove(name);
}

void copy_bytes(const File& from, File& to) {
  std::vector<char> buffer(std::size_t{1} << 20);
  std::uint64_t offset = 0;
  while (const std::size_t read = from.read_at(offset, buffer)) {
    to.write_at(offset, {buffer.data(), read});
    offset += read;
  }
}

void replace(Directory& directory, const char* name, const char* staged, std::string_view bytes) {
  remove_if_there(directory, staged);
  {
    const std::unique_ptr<File> file = directory.open(staged, OpenMode::create);
    if (!bytes.empty()) file->write_at(0, bytes);
    file->sync();
  }
  directory.rename(staged, name);
}

}  // namespace

void replace_by_copy(Directory& directory, const std::string& name) {
  remove_if_there(directory, mended_value_name);
  try {
    const std::unique_ptr<File> original = directory.open(name, OpenMode::read);
    const std::unique_ptr<File> copy = directory.open(mended_value_name, OpenMode::create);
    copy->set_rights(original->info().rights);
    copy_bytes(*original, *copy);
    copy->sync();  // the bytes were synced, perhaps
    directory.rename(mended_value_name, name);
  } catch (const Error&) {
    try {
      remove_if_there(directory, mended_value_name);
    } catch (const Error&) {
      // The next to need the name will.
    }
    throw;
  }
}

bool is_linked_copy(const Directory& directory, const Control& control) {
  return control.links() > 1 && control.load().home != directory.info("")->inode;
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
  if (Control(directory, true).load().words.buffered) {
    throw LockedError(
        "cannot separate " + quoted(directory.path()) +
        " from the dataset that it was copied from by hard links: appends to that stand in the journal of "
        "a buffer; stop its server, or open it once, and copy it anew");
  }
  const bool had_failed_sync = Control(directory, true).load().words.failed_sync;
  // The journal has what was synced since a checkpoint, of the original's values as they became.
  directory.sync_file_system();
  if (const auto info = directory.info(Writers::name); info && info->links > 1)
    replace_by_copy(directory, Writers::name);
  for (const char* name : {Journal::name, owner_name, server_name, staged_server_name, socket_name,
                           buffer_journal_names[0], buffer_journal_names[1]}) {
    remove_if_there(directory, name);
  }
  if (marker) {
    Marker own = *marker;
    own.uuid = format_uuid(random_uuid());
    own.temporary = false;  // its owner has the original
    replace(directory, marker_name, staged_marker_name, encode_marker(own));
  }
  replace(directory, lock_name, mended_value_name, "");
  // Last: until then it is a linked copy, and this can be done again. Made anew, of no boot, so that all is counted: a
  // change that was in progress is the original's.
  replace(directory, Control::name, staged_control_name, Control::initial(Boots{}));
  Control control(directory, false);
  control.set_home(directory.info("")->inode);
  if (had_failed_sync) control.note_failed_sync();
  directory.sync();
}

}  // namespace accrete
