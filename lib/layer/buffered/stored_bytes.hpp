// What a value holds after its first bytes, decoded where the dataset has a codec.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/frame_decoder.hpp"

namespace accrete {

/// For one thread at a time; keeps its memory.
class StoredBytes {
 public:
  /// `values` as they are stored.
  StoredBytes(const Store& values, bool has_codec) : values_(values), has_codec_(has_codec) {}

  /// How many bytes there are after the first `stored` of `size` ones. Throws CorruptionError for what is no frame.
  [[nodiscard]] std::uint64_t size_after(std::string_view key, std::uint64_t stored, std::uint64_t size);

  /// What is there from `offset` on, to the end. Throws as above.
  [[nodiscard]] std::string load(std::string_view key, std::uint64_t stored, std::uint64_t offset);

  /// Whether what is there from `offset` on is `pieces`, one after the other. Throws as above.
  [[nodiscard]] bool matches(std::string_view key, std::uint64_t stored, std::uint64_t offset,
                             std::span<const std::string_view> pieces);

 private:
  class Pieces;

  [[nodiscard]] FrameHeader load_header(const FramePlace& place) const;
  [[nodiscard]] bool raw_bytes_match(std::string_view key, std::uint64_t offset, Pieces& wanted);
  [[nodiscard]] bool frames_match(const FramePlace& first, std::uint64_t offset, Pieces& wanted);
  /// To decoded_. False if there is no frame.
  [[nodiscard]] bool try_decode(const FramePlace& place, std::size_t size, std::uint64_t decoded_size);

  const Store& values_;
  const bool has_codec_;
  FrameDecoder decoder_;
  std::vector<char> read_;
  std::vector<char> decoded_;
};

}  // namespace accrete
