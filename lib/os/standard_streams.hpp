// What a program has from the system besides files of datasets and its input: its output, its terminal and its limits.
// Bytes go through unbuffered; interrupted and short system calls are continued inside.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace accrete {

enum class StandardStream { output = 1, error = 2 };

/// Writes all bytes. Throws IoError; its code is EPIPE if nobody reads any more.
void write_to(StandardStream stream, std::string_view bytes);

/// Writes at most 4096 bytes, whole, without waiting for who reads them; false if nothing was written. Where others
/// write to the same pipe at the same moment it may wait all the same.
[[nodiscard]] bool try_write_to(StandardStream stream, std::string_view bytes) noexcept;

/// Whether it goes to a file in the directory `path` or below, under whatever name.
[[nodiscard]] bool is_inside(StandardStream stream, const std::string& directory);

[[nodiscard]] bool is_terminal(StandardStream stream) noexcept;

/// In columns; 80 where it is not known.
[[nodiscard]] std::size_t terminal_width(StandardStream stream) noexcept;

/// To be called first thing in main(). A reader that went away and a file-size limit become errors of the write (EPIPE,
/// EFBIG) and no longer end the process; as many files may be open as the hard limit allows; and a standard stream
/// that was closed is occupied, so that no file of a dataset takes its number and what is printed.
void prepare_process() noexcept;

}  // namespace accrete
