// Codecs of this build, bytes of several kinds, and frames of any content.
#pragma once

#include <accrete/codec.hpp>
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "codec/frame.hpp"
#include "codec/frame_decoder.hpp"
#include "codec/frame_encoder.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {

inline bool is_built(const std::string& method) {
  const std::vector<std::string> names = codec_names();
  return std::find(names.begin(), names.end(), method) != names.end();
}

inline std::vector<Codec> built_codecs() {
  std::vector<Codec> codecs;
  for (const std::string& name : codec_names()) codecs.push_back(parse_codec(name));
  return codecs;
}

inline std::string encoded(const Codec& codec, std::string_view bytes) {
  std::string frames;
  FrameEncoder(codec).append_frames(bytes, frames);
  return frames;
}

inline std::string decoded(std::string_view frames, const DecodeOptions& options = {}) {
  FrameDecoder decoder;
  return decode_value(frames, decoder, options);
}

inline std::string text_of(std::size_t size) {
  Random random(7);
  std::string text;
  while (text.size() < size) {
    text += "2001-01-01," + std::to_string(random_below(random, 100)) + ",";
    text += random_text(random, 3, "ABCDE") + "\n";
  }
  text.resize(size);
  return text;
}

/// A frame with a right checksum, whatever else is wrong with it.
inline std::string sealed(FrameHeader header, std::string_view payload) {
  header.encoded_size = static_cast<std::uint32_t>(payload.size());
  header.checksum = frame_checksum(header, payload);
  std::string frame(frame_header_size, '\0');
  encode_frame_header(header, std::span(frame).first<frame_header_size>());
  return frame.append(payload);
}

inline Frame first_frame(std::string_view frames) { return FrameCursor(frames).next().value(); }

}  // namespace accrete::test
