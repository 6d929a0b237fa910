#include "cli/load/decompressed_source.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <utility>

#include "base/escape.hpp"

namespace accrete::cli {
namespace {

constexpr std::size_t compressed_bytes = 128 << 10;

}  // namespace

DecompressedSource::DecompressedSource(std::unique_ptr<ByteSource> source, StreamFormat format, std::string_view front)
    : SourceOver(std::move(source)),
      format_(format),
      decoder_(make_stream_decoder(format)),
      compressed_(std::max(compressed_bytes, front.size())),
      end_(front.size()) {
  std::ranges::copy(front, compressed_.begin());
}

std::string_view DecompressedSource::compressed() const noexcept {
  return {compressed_.data() + begin_, end_ - begin_};
}

std::size_t DecompressedSource::read(std::span<char> to) {
  std::size_t written = std::min(decoded_.size(), to.size());
  std::copy_n(decoded_.begin(), written, to.begin());
  decoded_.erase(0, written);
  while (written < to.size()) {
    if (const std::size_t more = decode(to.subspan(written))) {
      written += more;
    } else if (written > 0 || is_over_) {
      break;
    } else {
      read_compressed();
    }
  }
  if (written == 0 && is_within_stream_ && !to.empty()) {
    fail("the " + std::string(name_of(format_)) + " stream is cut off: it ends before its end");
  }
  return written;
}

ByteSource::Waited DecompressedSource::wait(std::optional<Clock::time_point> until, int interruption_fd) {
  std::array<char, 64 << 10> piece;
  while (decoded_.empty() && !is_over_) {
    const std::size_t size = decode(piece);
    decoded_.assign(piece.data(), size);
    if (size > 0) break;
    const Waited waited = source().wait(until, interruption_fd);
    if (waited != Waited::input) return waited;
    read_compressed();
  }
  return Waited::input;
}

/// Of what was read; 0 where that makes no further byte.
std::size_t DecompressedSource::decode(std::span<char> to) {
  while (true) {
    if (!is_within_stream_) pass_padding();
    const bool was_within_stream = is_within_stream_;
    if (begin_ == end_ && !was_within_stream) return 0;
    const StreamDecoder::Step step = try_decode(to);
    begin_ += step.read;
    is_within_stream_ = !step.is_over;
    if (step.written > 0) return step.written;
    if (step.read == 0 && was_within_stream == is_within_stream_) return 0;
  }
}

StreamDecoder::Step DecompressedSource::try_decode(std::span<char> to) {
  try {
    return decoder_->decode(compressed(), to);
  } catch (const CorruptionError& error) {
    fail(error.what());
  }
}

void DecompressedSource::fail(const std::string& problem) const {
  throw CorruptionError("cannot read " + quoted(name()) + ": " + problem);
}

void DecompressedSource::pass_padding() {
  while (begin_ != end_ && compressed_[begin_] == '\0') ++begin_;
}

/// All that was read before is decoded.
void DecompressedSource::read_compressed() {
  begin_ = 0;
  end_ = source().read(compressed_);
  is_over_ = end_ == 0;
}

}  // namespace accrete::cli
