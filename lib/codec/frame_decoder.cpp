#include "codec/frame_decoder.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <cstring>

#include "base/filled_string.hpp"
#include "base/within_memory.hpp"

namespace accrete {
namespace {

[[noreturn]] void throw_unsupported(const Frame& frame, const std::string& cause) {
  throw UnsupportedError("cannot decode " + value_name(frame.place.key) + ": the frame at byte " +
                         std::to_string(frame.place.offset) + " of its encoding " + cause);
}

/// `to` is as large as what is wanted from `offset` on.
void fill_from(std::string_view encoded, std::uint64_t offset, std::span<char> to, FrameDecoder& decoder,
               const FramePlace& place) {
  FrameCursor cursor(encoded, place);
  while (!to.empty()) {
    const Frame frame = cursor.next().value();
    const std::uint64_t size = frame.header.decoded_size;
    const std::uint64_t from = std::min(offset, size);  // what of the frame is before the range
    offset -= from;
    const std::span<char> part = to.first(std::min<std::uint64_t>(size - from, to.size()));
    to = to.subspan(part.size());
    if (part.size() == size) {
      decoder.decode(frame, part);
    } else if (!part.empty()) {
      decoder.decode_part(frame, from, part);
    }
  }
}

}  // namespace

void check_decode_limit(std::uint64_t size, const DecodeOptions& options) {
  if (size <= options.limit_bytes - options.taken_bytes) return;
  const std::string with_others = options.taken_bytes > 0 ? " with what was decoded before" : "";
  throw TooLargeError("cannot decode " + value_name(options.key) + ": that makes " +
                      std::to_string(options.taken_bytes + size) + " bytes" + with_others + ", and the limit is " +
                      std::to_string(options.limit_bytes) +
                      "; raise the limit, or read the value in pieces with get_range");
}

void FrameDecoder::decode(const Frame& frame, std::span<char> to) {
  work_.done(to.size());
  if (!is_intact(frame)) throw_damaged_frame(frame.place, "its checksum does not match");
  if (frame.header.version != frame_version) {
    throw_unsupported(frame, "has version " + std::to_string(frame.header.version) +
                                 ", which this version of accrete does not know; use a newer one");
  }
  if (frame.header.method == static_cast<std::uint8_t>(Method::stored)) {
    std::memcpy(to.data(), frame.payload.data(), frame.payload.size());
    return;
  }
  if (!decompressor_for(frame).decompress(frame.payload, to)) {
    throw_damaged_frame(frame.place, "its payload does not decode to the " + std::to_string(frame.header.decoded_size) +
                                         " bytes that it should hold");
  }
}

void FrameDecoder::decode_part(const Frame& frame, std::size_t from, std::span<char> to) {
  whole_.resize(max_frame_bytes);
  decode(frame, std::span(whole_).first(frame.header.decoded_size));
  std::memcpy(to.data(), whole_.data() + from, to.size());
}

Decompressor& FrameDecoder::decompressor_for(const Frame& frame) {
  const std::size_t method = frame.header.method;
  if (method >= methods.size()) {
    throw_unsupported(frame, "has the method " + std::to_string(method) +
                                 ", which this version of accrete does not know; use a newer one");
  }
  std::unique_ptr<Decompressor>& decompressor = decompressors_[method];
  if (decompressor) return *decompressor;
  const Library* const library = find_library(static_cast<Method>(method));
  if (!library) {
    const std::string name(methods[method].name);
    throw_unsupported(
        frame, "is made with " + name + ", which this build of accrete lacks; build it with -D" + name + "=enabled");
  }
  decompressor = library->make_decompressor();
  return *decompressor;
}

void append_decoded(std::string_view encoded, FrameDecoder& decoder, const DecodeOptions& options, std::string& to) {
  const FramePlace place{.key = options.key, .offset = options.begin};
  const std::uint64_t size = decoded_size(encoded, place);
  check_decode_limit(size, options);
  within_memory("decode " + value_name(options.key), [&] {
    append_filled(to, size, [&](std::span<char> room) {
      fill_from(encoded, 0, room, decoder, place);
      return room.size();
    });
  });
}

std::string decode_value(std::string_view encoded, FrameDecoder& decoder, const DecodeOptions& options) {
  std::string value;
  append_decoded(encoded, decoder, options, value);
  return value;
}

std::string decode_range(std::string_view encoded, std::uint64_t offset, std::uint64_t size, FrameDecoder& decoder,
                         const DecodeOptions& options) {
  const FramePlace place{.key = options.key, .offset = options.begin};
  const std::uint64_t whole = decoded_size(encoded, place);
  const std::uint64_t wanted = offset < whole ? std::min(size, whole - offset) : 0;
  check_decode_limit(wanted, options);
  return within_memory("decode " + value_name(options.key), [&] {
    return filled_string(wanted, [&](std::span<char> to) {
      fill_from(encoded, offset, to, decoder, place);
      return to.size();
    });
  });
}

}  // namespace accrete
