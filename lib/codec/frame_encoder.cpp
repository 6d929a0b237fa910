#include "codec/frame_encoder.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <cstring>
#include <functional>

#include "base/filled_string.hpp"
#include "codec/frame.hpp"

namespace accrete {
namespace {

constexpr std::uint64_t frames_before_doubt = 8;
constexpr std::size_t sample_size = 4096;  // frames of fewer bytes are small
constexpr std::uint64_t max_trust_in_small_frames = std::uint64_t{64} << 10;
constexpr std::uint64_t max_trust = std::uint64_t{1} << 20;

/// From the middle: a piece often begins with a header of its own.
std::string_view sample_of(std::string_view bytes) {
  return bytes.size() <= sample_size ? bytes : bytes.substr((bytes.size() - sample_size) / 2, sample_size);
}

std::unique_ptr<Compressor> make_compressor(const Codec& codec) {
  const Method method = CodecAccess::method(codec);
  return method == Method::stored ? nullptr : find_library(method)->make_compressor(CodecAccess::level(codec));
}

}  // namespace

Doubt::Advice Doubt::advice() const noexcept {
  if (frames_in_vain_ < frames_before_doubt) return Advice::compress;
  return bytes_since_try_ < std::min(bytes_in_vain_ / 2, max_trust_) ? Advice::store : Advice::sample;
}

void Doubt::succeeded() noexcept { frames_in_vain_ = bytes_in_vain_ = bytes_since_try_ = 0; }

void Doubt::failed(std::uint64_t size) noexcept {
  ++frames_in_vain_;
  bytes_in_vain_ += size;
  bytes_since_try_ = 0;
}

void Doubt::passed(std::uint64_t size) noexcept {
  bytes_in_vain_ += size;
  bytes_since_try_ += size;
}

FrameEncoder::FrameEncoder(const Codec& codec)
    : method_(CodecAccess::method(codec)),
      compressor_(make_compressor(codec)),
      small_frames_(max_trust_in_small_frames),
      large_frames_(max_trust) {}

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

FrameEncoder::Appended FrameEncoder::append_frame(std::string_view bytes, std::string& to, bool may_leave_payload) {
  const std::size_t room = compressor_ ? std::max(bytes.size(), compressor_->bound(bytes.size())) : bytes.size();
  const std::size_t before = to.size();
  const auto encode = [&](std::span<char> place) { return encode_frame(bytes, place, may_leave_payload); };
  append_filled(to, frame_header_size + room, std::ref(encode));  // by reference: nothing is allocated for it
  return to.size() - before == frame_header_size ? Appended::header : Appended::frame;
}

std::size_t FrameEncoder::encode_frame(std::string_view bytes, std::span<char> to, bool leave_stored) {
  char* const room = to.data() + frame_header_size;
  const std::size_t compressed_size = try_compress(bytes, room);
  const bool is_stored = compressed_size == 0;
  const std::string_view payload = is_stored ? bytes : std::string_view(room, compressed_size);
  FrameHeader header{.method = static_cast<std::uint8_t>(is_stored ? Method::stored : method_),
                     .decoded_size = static_cast<std::uint32_t>(bytes.size()),
                     .encoded_size = static_cast<std::uint32_t>(payload.size())};
  header.checksum = frame_checksum(header, payload);
  encode_frame_header(header, to.first<frame_header_size>());
  if (is_stored && leave_stored) return frame_header_size;
  if (is_stored) std::memcpy(room, bytes.data(), bytes.size());
  return frame_header_size + payload.size();
}

/// How many bytes were written; 0 if compressing does not pay.
std::size_t FrameEncoder::try_compress(std::string_view bytes, char* to) {
  if (!compressor_) return 0;
  const auto shrink = [&](std::string_view part) {
    const std::size_t size = compressor_->compress(part, to);
    return size < part.size() ? size : 0;
  };
  const bool is_small = bytes.size() < sample_size;
  Doubt& doubt = is_small ? small_frames_ : large_frames_;
  const Doubt::Advice advice = doubt.advice();
  if (advice == Doubt::Advice::store) {
    doubt.passed(bytes.size());
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
