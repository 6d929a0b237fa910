// What a source holds, decompressed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codec/stream_decoder.hpp"
#include "os/byte_source.hpp"

namespace accrete::cli {

/// One stream or several, one after the other; NUL bytes after them are passed over, as tapes have them.
class DecompressedSource final : public SourceOver {
 public:
  /// `front`: what was read off the source. Throws UnsupportedError.
  DecompressedSource(std::unique_ptr<ByteSource> source, StreamFormat format, std::string_view front);

  /// Throws CorruptionError for a damaged stream, and for one that is cut off, after all bytes before that.
  [[nodiscard]] std::size_t read(std::span<char> to) override;
  [[nodiscard]] Waited wait(std::optional<Clock::time_point> until, int interruption_fd) override;
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return std::nullopt; }

 private:
  [[nodiscard]] std::string_view compressed() const noexcept;
  std::size_t decode(std::span<char> to);
  [[nodiscard]] StreamDecoder::Step try_decode(std::span<char> to);
  [[noreturn]] void fail(const std::string& problem) const;
  void pass_padding();
  void read_compressed();

  StreamFormat format_;
  std::unique_ptr<StreamDecoder> decoder_;
  std::vector<char> compressed_;
  std::size_t begin_ = 0;  // of what is not decoded yet
  std::size_t end_ = 0;
  std::string decoded_;            // while its bytes were waited for
  bool is_within_stream_ = false;  // which has begun and not ended
  bool is_over_ = false;           // the source has no more
};

}  // namespace accrete::cli
