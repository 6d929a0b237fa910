// What a program has from the system besides files of datasets: its input, its output, its terminal and its limits.
// Bytes go through unbuffered; interrupted and short system calls are continued inside.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace accrete {

/// Bytes that come in order and once.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Reads some bytes, at most to.size(); 0 only at the end. Throws IoError.
  [[nodiscard]] virtual std::size_t read(std::span<char> to) = 0;

  /// How many bytes there are from here to the end, where that is known beforehand.
  [[nodiscard]] virtual std::optional<std::uint64_t> size() const = 0;

  /// For messages.
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
};

/// A file, device or named pipe.
[[nodiscard]] std::unique_ptr<ByteSource> open_source(const std::string& path);

[[nodiscard]] std::unique_ptr<ByteSource> standard_input();

enum class StandardStream { output = 1, error = 2 };

/// Writes all bytes. Throws IoError; its code is EPIPE if nobody reads any more.
void write_to(StandardStream stream, std::string_view bytes);

/// Writes at most 4096 bytes, whole, without waiting for who reads them; false if nothing was written. Where others
/// write to the same pipe at the same moment it may wait all the same.
[[nodiscard]] bool try_write_to(StandardStream stream, std::string_view bytes) noexcept;

[[nodiscard]] bool is_terminal(StandardStream stream) noexcept;

/// In columns; 80 where it is not known.
[[nodiscard]] std::size_t terminal_width(StandardStream stream) noexcept;

/// To be called first thing in main(). A reader that went away and a file-size limit become errors of the write (EPIPE,
/// EFBIG) and no longer end the process; as many files may be open as the hard limit allows; and a standard stream
/// that was closed is occupied, so that no file of a dataset takes its number and what is printed.
void prepare_process() noexcept;

}  // namespace accrete
