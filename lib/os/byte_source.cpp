#include "os/byte_source.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/throw_io_error.hpp"
#include "os/descriptor.hpp"
#include "os/file_identity.hpp"

namespace accrete {
namespace {

int milliseconds_to(std::optional<ByteSource::Clock::time_point> until) {
  if (!until) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - ByteSource::Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

class DescriptorSource : public ByteSource {
 public:
  DescriptorSource(int fd, std::string name) : name_(std::move(name)), fd_(fd) {}

  std::size_t read(std::span<char> to) override {
    while (true) {
      const ssize_t got = ::read(fd_, to.data(), to.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno == EAGAIN) {  // a descriptor that another program has made so
        (void)wait(std::nullopt, -1);
      } else if (errno != EINTR) {
        throw_io_error("read", name_, errno);
      }
    }
  }

  Waited wait(std::optional<Clock::time_point> until, int interruption_fd) override {
    return wait_for_input(fd_, until, interruption_fd, name_);
  }

  std::optional<std::uint64_t> size() const override {
    struct stat info {};
    if (::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    const off_t position = ::lseek(fd_, 0, SEEK_CUR);
    if (position < 0) return std::nullopt;
    return static_cast<std::uint64_t>(std::max<off_t>(info.st_size - position, 0));
  }

  bool is_inside(const std::string& directory) const override { return is_file_inside(fd_, directory); }
  bool is_at(const std::string& path) const override { return is_file_at(fd_, path); }

  const std::string& name() const noexcept override { return name_; }

 private:
  std::string name_;
  int fd_;
};

class OwnedSource : public DescriptorSource {
 public:
  OwnedSource(Descriptor fd, const std::string& name) : DescriptorSource(fd.get(), name), owned_(std::move(fd)) {}

 private:
  Descriptor owned_;
};

/// Opened without waiting for who writes to it. `poll` does wait for the first one, but to `read` it is at its end.
class NamedPipeSource final : public OwnedSource {
 public:
  using OwnedSource::OwnedSource;

  std::size_t read(std::span<char> to) override {
    (void)wait(std::nullopt, -1);
    return OwnedSource::read(to);
  }
};

bool is_named_pipe(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
}

Descriptor open_to_read(const std::string& path, int more_flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | more_flags);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw_io_error("open", path, errno);
  return Descriptor(fd);
}

}  // namespace

ByteSource::Waited wait_for_input(int fd, std::optional<ByteSource::Clock::time_point> until, int interruption_fd,
                                  const std::string& name) {
  while (true) {
    std::array<pollfd, 2> waiting = {pollfd{.fd = interruption_fd, .events = POLLIN, .revents = 0},
                                     pollfd{.fd = fd, .events = POLLIN, .revents = 0}};
    const int ready = ::poll(waiting.data(), waiting.size(), milliseconds_to(until));
    if (ready < 0 && errno != EINTR) throw_io_error("wait for", name, errno);
    if (ready <= 0 && until && ByteSource::Clock::now() >= *until) return ByteSource::Waited::time;
    if (ready <= 0) continue;
    // What there is to say of the other one, the end and errors included, `read` says.
    return waiting[0].revents != 0 ? ByteSource::Waited::interruption : ByteSource::Waited::input;
  }
}

std::unique_ptr<ByteSource> open_source(const std::string& path) {
  if (is_named_pipe(path)) return std::make_unique<NamedPipeSource>(open_to_read(path, O_NONBLOCK), path);
  Descriptor fd = open_to_read(path, 0);
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::make_unique<OwnedSource>(std::move(fd), path);
}

std::unique_ptr<ByteSource> standard_input() {
  return std::make_unique<DescriptorSource>(STDIN_FILENO, "standard input");
}

}  // namespace accrete
