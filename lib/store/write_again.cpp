#include "store/write_again.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "base/throw_io_error.hpp"
#include "store/files_parts.hpp"

namespace accrete {
namespace {

class Rewriter {
 public:
  Rewriter(Directory& directory, std::uint64_t file_size_limit)
      : directory_(directory), file_size_limit_(file_size_limit) {}

  void write_again(const std::string& name) {
    const std::unique_ptr<File> file = directory_.open(name, OpenMode::write);
    const std::uint64_t size = file->size();
    if (size > file_size_limit_) throw_io_error("write again", directory_.path() + "/" + name, EFBIG);
    for (std::uint64_t offset = 0; offset < size;) {
      const std::size_t read = file->read_at(offset, buffer_);
      if (read == 0) return;
      file->write_at(offset, {buffer_.data(), read});
      offset += read;
    }
  }

 private:
  Directory& directory_;
  const std::uint64_t file_size_limit_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{1} << 20);
};

}  // namespace

void write_all_again(Directory& directory, std::uint64_t file_size_limit) {
  Rewriter rewriter(directory, file_size_limit);
  scan_values(directory, [&](const ScannedName& found) {
    if (found.key) rewriter.write_again(found.name);
  });
  for (const DirectoryEntry& entry : directory.entries("")) {
    const bool is_own = entry.type == FileType::regular && is_dataset_file(entry.name);
    if (is_own && entry.name != lock_name) rewriter.write_again(entry.name);
  }
  directory.sync();
  directory.sync_file_system();
}

}  // namespace accrete
