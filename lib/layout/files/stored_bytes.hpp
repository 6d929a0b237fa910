// What a value's file holds behind its first bytes, decoded where the dataset has a codec.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/frame_decoder.hpp"
#include "os/env.hpp"

namespace accrete {

/// For one thread at a time; keeps its memory.
class StoredBytes {
 public:
  explicit StoredBytes(bool has_codec) : has_codec_(has_codec) {}

  /// How many bytes there are behind the first `stored` ones; nullopt if the file is shorter. Throws CorruptionError
  /// for what is no frame.
  [[nodiscard]] std::optional<std::uint64_t> size_behind(const File& file, std::string_view key, std::uint64_t stored);

  /// What is there from `offset` on, to the end. Throws as above.
  [[nodiscard]] std::string load(const File& file, std::string_view key, std::uint64_t stored, std::uint64_t offset);

  /// Whether what is there from `offset` on is `pieces`, one after the other. Throws as above.
  [[nodiscard]] bool matches(const File& file, std::string_view key, std::uint64_t stored, std::uint64_t offset,
                             std::span<const std::string_view> pieces);

 private:
  class Pieces;

  [[nodiscard]] static FrameHeader load_header(const File& file, const FramePlace& place);
  [[nodiscard]] bool raw_bytes_match(const File& file, std::uint64_t offset, Pieces& wanted);
  [[nodiscard]] bool frames_match(const File& file, const FramePlace& first, std::uint64_t offset, Pieces& wanted);
  /// To decoded_. False if there is no frame.
  [[nodiscard]] bool try_decode(const File& file, const FramePlace& place, std::size_t size,
                                std::uint64_t decoded_size);

  bool has_codec_;
  FrameDecoder decoder_;
  std::vector<char> read_;
  std::vector<char> decoded_;
};

}  // namespace accrete
