#include "dataset/directory.hpp"

#include <accrete/error.hpp>
#include <algorithm>

#include "base/escape.hpp"
#include "dataset/names.hpp"

namespace accrete {

Marker load_marker(Directory& directory) {
  const std::unique_ptr<File> file = directory.try_open(marker_name, OpenMode::read);
  if (!file) {
    throw NotFoundError(quoted(directory.path()) + " is not a dataset: it has no marker " + marker_name +
                        "; 'accrete create' makes a new one, and 'accrete create --adopt' makes one of a directory and "
                        "the files in it");
  }
  constexpr std::size_t max_marker_size = 4096;
  std::string text(max_marker_size, '\0');
  text.resize(file->read_at(0, text));
  return decode_marker(text, directory.path() + "/" + marker_name);
}

bool has_whole_marker(Directory& directory) {
  if (!directory.info(marker_name)) return false;
  try {
    (void)load_marker(directory);
  } catch (const CorruptionError&) {
    return false;
  } catch (const UnsupportedError&) {
    return true;
  }
  return true;
}

std::unique_ptr<Directory> open_dataset_directory(Env& env, const std::string& path) {
  std::unique_ptr<Directory> directory = env.try_open_directory(path);
  if (!directory && env.info(path)) throw NotFoundError(quoted(path) + " is not a dataset: it is not a directory");
  if (!directory) throw NotFoundError("there is no dataset at " + quoted(path) + "; 'accrete create' makes one");
  return directory;
}

void refuse_unreachable_locks(const Directory& directory, std::span<const std::string> trusted) {
  const FileSystem file_system = directory.file_system();
  if (file_system.locks_reach || std::ranges::find(trusted, file_system.name) != trusted.end()) return;
  throw UnsupportedError("cannot use " + quoted(directory.path()) + ": it is on the file system " +
                         quoted(file_system.name) +
                         ", whose locks need not reach those who use the dataset through another view or from another "
                         "host, so that two could write at a time; use a local file system, or the endpoint of a "
                         "server, or, if nobody else uses it, trust these locks by name: ACCRETE_TRUST_LOCKS=" +
                         file_system.name);
}

void refuse_case_folding(const Directory& directory) {
  if (!directory.info(".LOCK")) return;
  throw UnsupportedError("the file system of " + quoted(directory.path()) +
                         " does not tell upper from lower case, so different keys would share a value; use another");
}

}  // namespace accrete
