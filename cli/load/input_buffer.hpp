// A window over a source that moves forward: rows are read from its front, and what follows is read in after them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>

#include "base/hash.hpp"
#include "os/byte_source.hpp"

namespace accrete::cli {

class InputBuffer {
 public:
  using Clock = ByteSource::Clock;

  /// `window`: bytes of text() that `fill` reads at first. `max_text`: what text() may have, at least; it never has
  /// much more. `stop_fd` can be read once `fill` is to wait no longer; -1 is none.
  InputBuffer(ByteSource& source, std::size_t window, std::uint64_t max_text, int stop_fd);

  /// The bytes that were read and not consumed yet. A row parser may look at `padding` bytes after them.
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }

  /// Nothing follows text().
  [[nodiscard]] bool complete() const noexcept { return complete_; }

  /// The offset of text() in the input.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

  /// Forgets `size` bytes at the front of text().
  void consume(std::size_t size) noexcept;

  /// From text() on, the bytes of the input are hashed.
  void start_hashing() noexcept { hashed_to_ = offset_; }

  /// The hash of the bytes from there up to `offset`, which must not lie before an earlier one, nor after text().
  std::uint64_t hash_to(std::uint64_t offset) noexcept;

  /// Reads on until there is much more text, or all of it: a row that did not fit in doubles the window. Of a source
  /// that lets wait for its bytes, what has come by due(). Views of text() end here. What the source throws comes once
  /// there is nothing new before it.
  void fill();

  /// When the first bytes that came since it was last reset have been here for long enough; nullopt if none have come.
  [[nodiscard]] std::optional<Clock::time_point> due() const noexcept { return due_; }
  void reset_due() noexcept { due_.reset(); }

  static constexpr std::size_t padding = 64;

 private:
  struct Free {
    void operator()(char* bytes) const noexcept { std::free(bytes); }
  };

  void make_room();
  void grow(std::size_t capacity);

  [[nodiscard]] std::size_t read_more();

  ByteSource& source_;
  const std::size_t window_;
  const std::uint64_t max_text_;
  const int stop_fd_;
  std::unique_ptr<char, Free> bytes_{};  // capacity_ and the padding; grows without being copied where the system can
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  StreamHash hash_;
  std::optional<std::uint64_t> hashed_to_;  // offset
  bool complete_ = false;
  std::exception_ptr failure_;
  std::optional<Clock::time_point> due_;
};

}  // namespace accrete::cli
