#include "codec/frame_encoder.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <cstring>

#include "base/filled_string.hpp"
#include "codec/frame.hpp"

namespace accrete {
namespace {

constexpr std::uint64_t frames_before_doubt = 8;
constexpr std::size_t sample_size = 4096;  // frames of fewer bytes are small
constexpr std::uint64_t bytes_between_glances = std::uint64_t{1} << 20;
constexpr std::uint64_t longest_trust_in_small_frames = std::uint64_t{64} << 10;

/// From the middle: a piece often begins with a header of its own.
std::string_view sample_of(std::string_view bytes) {
  return bytes.size() <= sample_size ? bytes : bytes.substr((bytes.size() - sample_size) / 2, sample_size);
}

/// Of a sample: whether its bytes are about equally frequent. Then only repetitions could make it smaller.
bool looks_random(std::string_view sample) {
  std::array<std::uint32_t, 256> counts{};
  for (const char byte : sample) ++counts[static_cast<unsigned char>(byte)];
  std::uint64_t pairs = 0;
  for (const std::uint64_t count : counts) pairs += count * (count - 1);
  // Of random bytes, a 256th of all pairs is of two equal ones; of those of which Huffman coding saves 2 %, a tenth
  // more.
  const std::uint64_t all_pairs = sample.size() * (sample.size() - 1);
  return pairs * counts.size() * 10 < all_pairs * 11;
}

std::unique_ptr<Compressor> make_compressor(const Codec& codec) {
  const Method method = CodecParts::method(codec);
  return method == Method::stored ? nullptr : find_library(method)->make_compressor(CodecParts::level(codec));
}

}  // namespace

Doubt::Advice Doubt::advice() const noexcept {
  if (frames_in_vain_ < frames_before_doubt) return Advice::compress;
  if (bytes_since_try_ >= std::min(bytes_in_vain_ / 2, longest_trust_)) return Advice::sample;
  return bytes_since_glance_ >= bytes_between_glances ? Advice::glance : Advice::store;
}

void Doubt::succeeded() noexcept { frames_in_vain_ = bytes_in_vain_ = bytes_since_try_ = bytes_since_glance_ = 0; }

void Doubt::failed(std::uint64_t size) noexcept {
  ++frames_in_vain_;
  bytes_in_vain_ += size;
  bytes_since_try_ = bytes_since_glance_ = 0;
}

void Doubt::passed(std::uint64_t size, bool after_glance) noexcept {
  bytes_in_vain_ += size;
  bytes_since_try_ += size;
  bytes_since_glance_ = after_glance ? 0 : bytes_since_glance_ + size;
}

FrameEncoder::FrameEncoder(const Codec& codec)
    : method_(CodecParts::method(codec)),
      compressor_(make_compressor(codec)),
      small_frames_(longest_trust_in_small_frames),
      large_frames_(info_of(method_).longest_trust) {}

void FrameEncoder::append_frames(std::string_view bytes, std::string& to) {
  const std::size_t before = to.size();
  try {
    while (!bytes.empty()) {
      const std::string_view frame = bytes.substr(0, max_frame_bytes);
      append_frame(frame, to);
      bytes.remove_prefix(frame.size());
    }
  } catch (...) {
    to.resize(before);
    throw;
  }
}

void FrameEncoder::append_frame(std::string_view bytes, std::string& to) {
  const std::size_t room = compressor_ ? std::max(bytes.size(), compressor_->bound(bytes.size())) : bytes.size();
  append_filled(to, frame_header_size + room, [&](std::span<char> place) { return encode_frame(bytes, place); });
}

std::size_t FrameEncoder::encode_frame(std::string_view bytes, std::span<char> to) {
  char* const payload = to.data() + frame_header_size;
  std::size_t size = try_compress(bytes, payload);
  FrameHeader header{.method = static_cast<std::uint8_t>(method_)};
  if (size == 0) {
    header.method = static_cast<std::uint8_t>(Method::stored);
    size = bytes.size();
    std::memcpy(payload, bytes.data(), size);
  }
  header.decoded_size = static_cast<std::uint32_t>(bytes.size());
  header.encoded_size = static_cast<std::uint32_t>(size);
  header.checksum = frame_checksum(header, {payload, size});
  encode_frame_header(header, to.first<frame_header_size>());
  return frame_header_size + size;
}

/// How many bytes were written; 0 if compressing does not pay.
std::size_t FrameEncoder::try_compress(std::string_view bytes, char* to) {
  if (!compressor_) return 0;
  const auto shrink = [&](std::string_view part) {
    const std::size_t size = compressor_->compress(part, to);
    return size < part.size() ? size : 0;
  };
  Doubt& doubt = bytes.size() < sample_size ? small_frames_ : large_frames_;
  Doubt::Advice advice = doubt.advice();
  if (advice == Doubt::Advice::glance && !looks_random(sample_of(bytes))) advice = Doubt::Advice::compress;
  if (advice == Doubt::Advice::store || advice == Doubt::Advice::glance) {
    doubt.passed(bytes.size(), advice == Doubt::Advice::glance);
    return 0;
  }
  const bool has_hope = advice == Doubt::Advice::compress || shrink(sample_of(bytes)) > 0;
  const std::size_t size = has_hope ? shrink(bytes) : 0;
  if (size > 0) {
    doubt.succeeded();
  } else {
    doubt.failed(bytes.size());
  }
  return size;
}

}  // namespace accrete
