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

void replace_whole(Directory& directory, const char* name, const char* staged, std::string_view bytes) {
  remove_if_there(directory, staged);
  std::optional<FileInfo> model = directory.info(name);
  if (!model) model = directory.info(lock_name);
  {
    const std::unique_ptr<File> file = directory.open(staged, OpenMode::create);
    if (model) file->set_rights(model->rights);
    if (!bytes.empty()) file->write_at(0, bytes);
    file->sync();
  }
  directory.rename(staged, name);
}

bool is_shared(const Directory& directory, const std::string& name) {
  const std::optional<FileInfo> info = directory.info(name);
  return info && info->links > 1;
}

std::vector<std::string> shared_own_files(const Directory& directory) {
  std::vector<std::string> shared;
  for (const char* name : {Journal::name, Writers::name, buffer_journal_names[0], buffer_journal_names[1]}) {
    if (is_shared(directory, name)) shared.emplace_back(name);
  }
  return shared;
}

void separate_own_files(Directory& directory, Control& control, Control::Header& header) {
  const std::vector<std::string> shared = shared_own_files(directory);
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
  for (const char* name : {Writers::name, buffer_journal_names[0], buffer_journal_names[1]}) {
    if (is_shared(directory, name)) replace_by_copy(directory, name);
  }
  for (const char* name : {Journal::name, owner_name, server_name, staged_server_name, socket_name}) {
    remove_if_there(directory, name);
  }
  if (marker) {
    Marker own = *marker;
    own.uuid = format_uuid(random_uuid());
    own.temporary = false;  // its owner has the original
    replace_whole(directory, marker_name, staged_marker_name, encode_marker(own));
  }
  replace_whole(directory, lock_name, mended_value_name, "");
  // Last: until then it is a linked copy, and this can be done again. Made anew, of no boot, so that all is counted: a
  // change that was in progress is the original's. The journal of a buffer says itself whether it is to be handed down:
  // the original may have another one by now.
  replace_whole(directory, Control::name, staged_control_name, Control::initial(Boots{}, {}, has_failed_sync));
  Control(directory, false).set_home(directory.info("")->inode);
  directory.sync();
}

}  // namespace accrete
