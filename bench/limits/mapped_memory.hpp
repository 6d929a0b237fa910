// Memory from the system that is touched before it is measured.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/mman.h>
#include <system_error>

namespace bench {

/// In pages of what size the system is asked to hand out memory.
enum class Pages { small, huge };

class MappedMemory {
 public:
  explicit MappedMemory(std::size_t size, Pages pages = Pages::small)
      : size_(size), bytes_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (bytes_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    if (pages == Pages::huge) (void)::madvise(bytes_, size, MADV_HUGEPAGE);  // a wish: not every kernel has them
    std::memset(bytes_, 'x', size);
  }
  ~MappedMemory() { ::munmap(bytes_, size_); }
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;

  [[nodiscard]] char* data() const noexcept { return static_cast<char*>(bytes_); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::size_t size_;
  void* bytes_;
};

}  // namespace bench
