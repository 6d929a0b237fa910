#include "dataset/replace_file.hpp"

#include <accrete/error.hpp>
#include <optional>
#include <vector>

#include "dataset/names.hpp"

namespace accrete {
namespace {

void copy_bytes(const File& from, File& to) {
  std::vector<char> buffer(std::size_t{1} << 20);
  std::uint64_t offset = 0;
  while (const std::size_t read = from.read_at(offset, buffer)) {
    to.write_at(offset, {buffer.data(), read});
    offset += read;
  }
}

/// `write` makes the file `staged`, which then gets the other name; what is left of one that failed is removed.
template <typename Write>
void replace_by(Directory& directory, const std::string& name, const std::string& staged, Write write) {
  remove_if_there(directory, staged);
  try {
    write();
    directory.rename(staged, name);
  } catch (const Error&) {
    try {
      remove_if_there(directory, staged);
    } catch (const Error&) {
      // The next to need the name will.
    }
    throw;
  }
}

}  // namespace

void write_new(Directory& directory, const std::string& name, std::string_view bytes) {
  const std::unique_ptr<File> file = directory.open(name, OpenMode::create);
  if (!bytes.empty()) file->write_at(0, bytes);
  file->sync();
}

void remove_if_there(Directory& directory, const std::string& name) {
  if (directory.info(name)) directory.remove(name);
}

bool is_shared(const Directory& directory, const std::string& name) {
  const std::optional<FileInfo> info = directory.info(name);
  return info && info->links > 1;
}

void replace_by_copy(Directory& directory, const std::string& name) {
  replace_by(directory, name, mended_name, [&] {
    const std::unique_ptr<File> original = directory.open(name, OpenMode::read);
    const std::unique_ptr<File> copy = directory.open(mended_name, OpenMode::create);
    copy->set_rights(original->info().rights);
    copy_bytes(*original, *copy);
    copy->sync();  // the bytes were synced, perhaps
  });
}

void replace_whole(Directory& directory, const char* name, const char* staged, std::string_view bytes) {
  std::optional<FileInfo> model = directory.info(name);
  if (!model) model = directory.info(lock_name);
  replace_by(directory, name, staged, [&] {
    const std::unique_ptr<File> file = directory.open(staged, OpenMode::create);
    if (model) file->set_rights(model->rights);
    if (!bytes.empty()) file->write_at(0, bytes);
    file->sync();
  });
}

}  // namespace accrete
