#include "codec/frame.hpp"

#include <accrete/error.hpp>
#include <array>
#include <cstring>

#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "base/hash.hpp"

namespace accrete {
namespace {

constexpr std::size_t fields_size = frame_header_size - 4 - 8;

void encode_fields(const FrameHeader& header, std::span<std::byte, fields_size> to) noexcept {
  std::memcpy(to.data(), frame_magic.data(), frame_magic.size());
  store_le(to.subspan<2, 1>(), header.version);
  store_le(to.subspan<3, 1>(), header.method);
  store_le(to.subspan<4, 4>(), header.decoded_size);
  store_le(to.subspan<8, 4>(), header.encoded_size);
}

/// Seeds the checksum, and its lower half is the header's check.
std::uint64_t fields_hash(const FrameHeader& header) noexcept {
  std::array<std::byte, fields_size> fields{};
  encode_fields(header, fields);
  return hash64(as_string_view(fields));
}

std::uint32_t header_check(const FrameHeader& header) noexcept {
  return static_cast<std::uint32_t>(fields_hash(header));
}

bool has_possible_sizes(const FrameHeader& header) noexcept {
  if (header.decoded_size > max_frame_bytes || header.encoded_size == 0) return false;
  const bool is_stored = header.method == static_cast<std::uint8_t>(Method::stored);
  return is_stored ? header.encoded_size == header.decoded_size : header.encoded_size <= header.decoded_size;
}

}  // namespace

std::uint64_t frame_checksum(const FrameHeader& header, std::string_view payload) noexcept {
  return hash64(payload, fields_hash(header));
}

void encode_frame_header(const FrameHeader& header, std::span<char, frame_header_size> to) noexcept {
  const std::span bytes = std::as_writable_bytes(to);
  encode_fields(header, bytes.first<fields_size>());
  store_le(bytes.subspan<fields_size, 4>(), header_check(header));
  store_le(bytes.last<8>(), header.checksum);
}

std::optional<FrameHeader> try_decode_frame_header(std::string_view bytes, const FramePlace& place) {
  if (bytes.size() < frame_header_size) return std::nullopt;
  ByteReader reader(bytes);
  if (reader.bytes(frame_magic.size()) != frame_magic) throw_damaged_frame(place, "no frame begins there");
  FrameHeader header;
  header.version = reader.integer<std::uint8_t>();
  header.method = reader.integer<std::uint8_t>();
  header.decoded_size = reader.integer<std::uint32_t>();
  header.encoded_size = reader.integer<std::uint32_t>();
  const auto check = reader.integer<std::uint32_t>();
  header.checksum = reader.integer<std::uint64_t>();
  if (check != header_check(header)) throw_damaged_frame(place, "its header's checksum does not match");
  if (!has_possible_sizes(header)) {
    throw_damaged_frame(place, "it cannot hold " + std::to_string(header.decoded_size) + " bytes in " +
                                   std::to_string(header.encoded_size));
  }
  return header;
}

std::optional<Frame> FrameCursor::next() {
  if (left_.empty()) return std::nullopt;
  const auto header = try_decode_frame_header(left_, place_);
  if (!header || header->encoded_size > left_.size() - frame_header_size) {
    throw_damaged_frame(place_, "it is cut short, after " + std::to_string(left_.size()) + " bytes");
  }
  const Frame frame{
      .header = *header, .payload = left_.substr(frame_header_size, header->encoded_size), .place = place_};
  left_.remove_prefix(frame_header_size + header->encoded_size);
  place_.offset += frame_header_size + header->encoded_size;
  return frame;
}

std::string_view whole_frames(std::string_view encoded, const FramePlace& place) {
  std::size_t size = 0;
  for (;;) {
    const std::string_view left = encoded.substr(size);
    const auto header = try_decode_frame_header(left, {.key = place.key, .offset = place.offset + size});
    if (!header || header->encoded_size > left.size() - frame_header_size) return encoded.substr(0, size);
    size += frame_header_size + header->encoded_size;
  }
}

std::uint64_t decoded_size(std::string_view encoded, const FramePlace& place) {
  std::uint64_t size = 0;  // no overflow: a frame of 21 bytes or more adds 1 MiB at most
  FrameCursor cursor(encoded, place);
  while (const auto frame = cursor.next()) size += frame->header.decoded_size;
  return size;
}

std::string value_name(std::string_view key) { return key.empty() ? "a value" : "the value of " + quoted(key); }

void throw_damaged_frame(const FramePlace& place, std::string_view cause) {
  throw CorruptionError("cannot decode " + value_name(place.key) + ": the frame at byte " +
                        std::to_string(place.offset) + " of its encoding is damaged: " + std::string(cause) +
                        "; restore it from a copy, or have 'accrete verify --repair' cut the damage out");
}

}  // namespace accrete
