#include "layout/files/write_again.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "layout/files/dataset_files.hpp"
#include "layout/files/linked_files.hpp"

namespace accrete {
namespace {

class Rewriter {
 public:
  explicit Rewriter(Directory& directory) : directory_(directory) {}

  void write_again(const std::string& name) {
    const std::unique_ptr<File> file = directory_.open(name, OpenMode::write);
    const std::uint64_t size = file->size();
    for (std::uint64_t offset = 0; offset < size;) {
      const std::size_t read = file->read_at(offset, buffer_);
      if (read == 0) return;
      file->write_at(offset, {buffer_.data(), read});
      offset += read;
    }
  }

 private:
  Directory& directory_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{1} << 20);
};

}  // namespace

void write_all_again(Directory& directory) {
  Rewriter rewriter(directory);
  scan_values(directory, [&](const ScannedName& found) {
    if (found.key) replace_by_copy(directory, found.name);
  });
  for (const DirectoryEntry& entry : directory.entries("")) {
    const bool is_own = entry.type == FileType::regular && find_own_name(entry.name);
    if (is_own && entry.name != lock_name) rewriter.write_again(entry.name);
  }
  directory.sync();
  directory.sync_file_system();
}

}  // namespace accrete
