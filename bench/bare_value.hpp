// The least that a store can do for a value: gather its bytes in a chunk, and write each chunk that is full.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace bench {

class BareValue {
 public:
  explicit BareValue(const std::string& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path);
  }
  BareValue(BareValue&& other) = default;

  void append(std::string_view bytes) {
    if (size_ + bytes.size() > chunk_size) flush();
    std::memcpy(chunk_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void flush() {
    if (::write(fd_, chunk_.get(), size_) < 0) throw std::system_error(errno, std::generic_category(), "write");
    size_ = 0;
  }

 private:
  static constexpr std::size_t chunk_size = 64 * 1024;
  int fd_;
  std::unique_ptr<char[]> chunk_ = std::make_unique<char[]>(chunk_size);
  std::size_t size_ = 0;
};

}  // namespace bench
