#include "os/shared_bytes.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <sys/mman.h>
#include <utility>

#include "base/bytes.hpp"
#include "base/throw_io_error.hpp"

namespace accrete {
namespace {

class WrittenBytes final : public SharedBytes {
 public:
  WrittenBytes(std::unique_ptr<File> file, std::uint64_t offset) noexcept : file_(std::move(file)), offset_(offset) {}

  void read(std::size_t offset, std::span<std::byte> to) const override {
    const std::span chars{reinterpret_cast<char*>(to.data()), to.size()};
    const std::size_t got = file_->read_at(offset_ + offset, chars);
    std::fill(chars.begin() + static_cast<std::ptrdiff_t>(got), chars.end(), '\0');
  }

  void write(std::size_t offset, std::span<const std::byte> from) override {
    file_->write_at(offset_ + offset, as_string_view(from));
  }

  void sync() override { file_->sync(); }
  FileInfo info() const override { return file_->info(); }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t offset_;
};

class MappedBytes final : public SharedBytes {
 public:
  MappedBytes(std::unique_ptr<File> file, std::span<std::byte> bytes) noexcept
      : file_(std::move(file)), bytes_(bytes) {}
  ~MappedBytes() override { ::munmap(bytes_.data(), bytes_.size()); }
  MappedBytes(const MappedBytes&) = delete;
  MappedBytes& operator=(const MappedBytes&) = delete;

  void read(std::size_t offset, std::span<std::byte> to) const override {
    const auto from = bytes_.subspan(offset, to.size());
    std::copy(from.begin(), from.end(), to.begin());
  }

  // The fences keep writes in their order: those of a process that is killed end at one point, and who looks at them
  // without a lock sees a later one only with those before it.
  void write(std::size_t offset, std::span<const std::byte> from) override {
    std::atomic_thread_fence(std::memory_order_release);
    std::copy(from.begin(), from.end(), bytes_.subspan(offset, from.size()).begin());
    std::atomic_thread_fence(std::memory_order_release);
  }

  void sync() override { file_->sync(); }
  FileInfo info() const override { return file_->info(); }

 private:
  std::unique_ptr<File> file_;
  std::span<std::byte> bytes_;
};

}  // namespace

std::unique_ptr<SharedBytes> written_bytes(std::unique_ptr<File> file, std::uint64_t offset) {
  return std::make_unique<WrittenBytes>(std::move(file), offset);
}

std::unique_ptr<SharedBytes> mapped_bytes(int fd, std::unique_ptr<File> file, const std::string& path,
                                          const ByteRange& range, bool read_only) {
  void* address = ::mmap(nullptr, range.size, read_only ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                         fd, static_cast<off_t>(range.offset));
  // NOLINTNEXTLINE(performance-no-int-to-ptr, cppcoreguidelines-pro-type-cstyle-cast): the system's macro
  if (address == MAP_FAILED) throw_io_error("map", path, errno);
  // A fault for each page costs more than what is written to it. Where the kernel cannot do it, they are taken.
  if (!read_only) (void)::madvise(address, range.size, MADV_POPULATE_WRITE);
  return std::make_unique<MappedBytes>(std::move(file), std::span{static_cast<std::byte*>(address), range.size});
}

}  // namespace accrete
