#include "os/shared_bytes.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <sys/mman.h>
#include <vector>

#include "base/bytes.hpp"
#include "base/throw_io_error.hpp"

namespace accrete {
namespace {

class WrittenBytes final : public SharedBytes {
 public:
  WrittenBytes(std::unique_ptr<File> file, std::size_t size) : file_(std::move(file)), bytes_(size) {
    refresh(0, size);
  }

  std::span<std::byte> bytes() noexcept override { return bytes_; }

  void publish(std::size_t offset, std::size_t size) override {
    file_->write_at(offset, as_string_view(std::span{bytes_}.subspan(offset, size)));
  }

  void refresh(std::size_t offset, std::size_t size) override {
    const auto to = std::span{bytes_}.subspan(offset, size);
    const std::span chars{reinterpret_cast<char*>(to.data()), to.size()};
    const std::size_t got = file_->read_at(offset, chars);
    std::fill(chars.begin() + static_cast<std::ptrdiff_t>(got), chars.end(), '\0');
  }

 private:
  std::unique_ptr<File> file_;
  std::vector<std::byte> bytes_;
};

class MappedBytes final : public SharedBytes {
 public:
  MappedBytes(std::byte* data, std::size_t size) noexcept : bytes_(data, size) {}
  ~MappedBytes() override { ::munmap(bytes_.data(), bytes_.size()); }
  MappedBytes(const MappedBytes&) = delete;
  MappedBytes& operator=(const MappedBytes&) = delete;

  std::span<std::byte> bytes() noexcept override { return bytes_; }
  // Stores outlive the process that made them; the fence keeps those before it from being moved behind it, so that a
  // process killed in between leaves them in order.
  void publish(std::size_t, std::size_t) override { std::atomic_thread_fence(std::memory_order_release); }
  void refresh(std::size_t, std::size_t) override { std::atomic_thread_fence(std::memory_order_acquire); }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace

std::unique_ptr<SharedBytes> written_bytes(std::unique_ptr<File> file, std::size_t size) {
  return std::make_unique<WrittenBytes>(std::move(file), size);
}

std::unique_ptr<SharedBytes> mapped_bytes(int fd, const std::string& path, std::size_t size, bool read_only) {
  void* address = ::mmap(nullptr, size, read_only ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) throw_io_error("map", path, errno);
  return std::make_unique<MappedBytes>(static_cast<std::byte*>(address), size);
}

}  // namespace accrete
