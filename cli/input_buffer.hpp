// A window over a source that moves forward: rows are read from its front, and what follows is read in behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "os/standard_streams.hpp"

namespace accrete::cli {

class InputBuffer {
 public:
  explicit InputBuffer(ByteSource& source);

  /// The bytes that were read and not consumed yet. A row parser may look at `padding` bytes behind them.
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data() + begin_, end_ - begin_}; }

  /// Nothing follows text().
  [[nodiscard]] bool complete() const noexcept { return complete_; }

  /// The offset of text() in the input.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

  /// Forgets `size` bytes at the front of text().
  void consume(std::size_t size) noexcept;

  /// From text() on, the bytes of the input are hashed.
  void start_hashing() noexcept { hashed_to_ = offset_; }

  /// The hash of the bytes from there up to `offset`, which must not lie before an earlier one, nor behind text().
  std::uint64_t hash_to(std::uint64_t offset) noexcept;

  /// Reads on until there is much more text, or all of it: a row that did not fit in doubles the window. Views of
  /// text() end here.
  void fill();

  static constexpr std::size_t padding = 64;

 private:
  void make_room();

  ByteSource& source_;
  std::vector<char> bytes_;  // capacity_ and the padding
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  StreamHash hash_;
  std::optional<std::uint64_t> hashed_to_;  // offset
  bool complete_ = false;
};

}  // namespace accrete::cli
