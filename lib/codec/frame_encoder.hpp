// Encodes bytes as frames.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "codec/library.hpp"

namespace accrete {

/// Keeps the time small that is lost on bytes that a method does not make smaller.
///
/// Once 8 frames in a row did not get smaller, a frame is compressed only if a sample of it gets smaller, and for half
/// as many bytes as have been in vain since the last success, not even that is tried. `max_trust` bounds that half,
/// and so how late it is noticed that bytes have become compressible again.
class Doubt {
 public:
  enum class Advice { compress, sample, store };

  explicit Doubt(std::uint64_t max_trust) noexcept : max_trust_(max_trust) {}

  [[nodiscard]] Advice advice() const noexcept;
  void succeeded() noexcept;
  /// `size` bytes were stored after a try.
  void failed(std::uint64_t size) noexcept;
  /// … without one.
  void passed(std::uint64_t size) noexcept;

 private:
  const std::uint64_t max_trust_;
  std::uint64_t frames_in_vain_ = 0;  // since the last success, as are the next
  std::uint64_t bytes_in_vain_ = 0;
  std::uint64_t bytes_since_try_ = 0;
};

/// For one thread at a time. Keeps its library's memory, where the library lets it: for its like to be used by many
/// threads, see Pool.
class FrameEncoder {
 public:
  explicit FrameEncoder(const Codec& codec);

  /// Appends the encoding of `bytes` to `to`; nothing where they are empty. When it throws, `to` is as before.
  void append_frames(std::string_view bytes, std::string& to);

  enum class Appended { frame, header };

  /// The same for what one frame holds. Of bytes that are stored as they are it can leave the copying to the caller:
  /// then only the header is appended, and they are to stand after it.
  Appended append_frame(std::string_view bytes, std::string& to, bool may_leave_payload = false);

 private:
  [[nodiscard]] std::size_t encode_frame(std::string_view bytes, std::span<char> to, bool leave_stored);
  [[nodiscard]] std::size_t try_compress(std::string_view bytes, char* to);

  const Method method_;
  const std::unique_ptr<Compressor> compressor_;  // nullptr: all is stored
  // Apart: that small frames do not shrink tells nothing of large ones.
  Doubt small_frames_;
  Doubt large_frames_;
};

}  // namespace accrete
