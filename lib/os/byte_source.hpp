// What a program reads: a file, a device, a pipe or its standard input. Bytes come unbuffered; interrupted system calls
// are continued inside.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace accrete {

/// Bytes that come in order and once.
class ByteSource {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~ByteSource() = default;

  /// Reads some bytes, at most to.size(); 0 only at the end. Waits for them. Throws IoError.
  [[nodiscard]] virtual std::size_t read(std::span<char> to) = 0;

  enum class Waited {
    input,        ///< `read` does not wait
    time,         ///< it is `until`
    interruption  ///< the other descriptor can be read
  };
  /// Waits until one of them is so; the last one first. Without `until`, for as long as it takes; -1 is no descriptor.
  [[nodiscard]] virtual Waited wait(std::optional<Clock::time_point> until, int interruption_fd) = 0;

  /// How many bytes there are from here to the end, where that is known beforehand.
  [[nodiscard]] virtual std::optional<std::uint64_t> size() const = 0;

  /// Whether it is a file in the directory or below, under whatever name.
  [[nodiscard]] virtual bool is_inside(const std::string& directory) const = 0;
  /// Whether it is the file at `path`, under whatever name.
  [[nodiscard]] virtual bool is_at(const std::string& path) const = 0;

  /// For messages.
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
};

/// One that makes its bytes of another's.
class SourceOver : public ByteSource {
 public:
  [[nodiscard]] bool is_inside(const std::string& directory) const override { return source_->is_inside(directory); }
  [[nodiscard]] bool is_at(const std::string& path) const override { return source_->is_at(path); }
  [[nodiscard]] const std::string& name() const noexcept override { return source_->name(); }

 protected:
  explicit SourceOver(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  [[nodiscard]] ByteSource& source() const noexcept { return *source_; }
  /// Until another is set, nothing else may be called.
  [[nodiscard]] std::unique_ptr<ByteSource> take_source() noexcept { return std::move(source_); }
  void set_source(std::unique_ptr<ByteSource> source) noexcept { source_ = std::move(source); }

 private:
  std::unique_ptr<ByteSource> source_;
};

/// As ByteSource::wait, of a descriptor; `name` is for messages.
[[nodiscard]] ByteSource::Waited wait_for_input(int fd, std::optional<ByteSource::Clock::time_point> until,
                                                int interruption_fd, const std::string& name);

/// A file, device or named pipe. The latter is opened at once: it is `wait` that waits for who writes to it.
[[nodiscard]] std::unique_ptr<ByteSource> open_source(const std::string& path);

[[nodiscard]] std::unique_ptr<ByteSource> standard_input();

}  // namespace accrete
