// Streams as gzip, zstd, bzip2 and xz write them into files: known by their first bytes, and decoded as they come.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace accrete {

enum class StreamFormat { none, gzip, zstd, bzip2, xz };

/// For messages.
[[nodiscard]] std::string_view name_of(StreamFormat format) noexcept;

/// What begins so; nullopt if that takes more bytes. `complete`: nothing follows them.
[[nodiscard]] std::optional<StreamFormat> stream_format_of(std::string_view front, bool complete) noexcept;

/// Decodes streams of one format, of which a file may hold several, one after the other.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;

  struct Step {
    std::size_t read = 0;     ///< bytes of `from`
    std::size_t written = 0;  ///< bytes of `to`
    bool is_over = false;     ///< a stream has ended; what comes next is another one
  };

  /// Goes on with `from`, until that is used up, or `to` is full, or the stream ends. Throws CorruptionError.
  [[nodiscard]] virtual Step decode(std::string_view from, std::span<char> to) = 0;
};

/// Throws UnsupportedError if the format's library is not in this build.
[[nodiscard]] std::unique_ptr<StreamDecoder> make_stream_decoder(StreamFormat format);

/// As many bytes of `size` as a library can take at a time that counts them so.
template <typename Count>
[[nodiscard]] Count bounded(std::size_t size) noexcept {
  return static_cast<Count>(std::min<std::size_t>(size, std::numeric_limits<Count>::max()));
}

// Each is defined if its library is in this build.
[[nodiscard]] std::unique_ptr<StreamDecoder> make_gzip_decoder();
[[nodiscard]] std::unique_ptr<StreamDecoder> make_zstd_decoder();
[[nodiscard]] std::unique_ptr<StreamDecoder> make_bzip2_decoder();
[[nodiscard]] std::unique_ptr<StreamDecoder> make_xz_decoder();

}  // namespace accrete
