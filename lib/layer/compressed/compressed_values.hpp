// Reading values of frames (codec/frame.hpp) out of a store, in steps.
#pragma once

#include <accrete/store.hpp>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/frame_decoder.hpp"
#include "codec/pool.hpp"

namespace accrete {

/// Where a frame begins: in the encoding of its value, and in the value.
struct FramePosition {
  std::uint64_t encoded = 0;
  std::uint64_t decoded = 0;
};

/// What is known of a large value, so that who reads on does not begin at its front again.
struct FrameVisit {
  std::string key{};
  std::uint64_t removals = 0;  // it holds as long as the store says the same
  FramePosition end{};         // the frames before it have been gone over
  FramePosition frame{};       // one that was decoded, since a part of it was wanted
  FramePosition frame_end{};
  std::string bytes{};  // … and what it holds
};

/// Any number of threads may call any of its functions at once. What they tell of a value was so at one moment, whoever
/// appends and erases meanwhile. Ranges of a large value that are read one after the other decode each frame once; for
/// that, up to 16 values have a decoded frame kept, of up to 1 MiB.
class CompressedValues {
 public:
  struct Size {
    std::uint64_t encoded = 0;
    std::uint64_t decoded = 0;
  };

  /// `below` is borrowed. More than `limit_bytes` are not decoded at once.
  CompressedValues(const Store& below, std::uint64_t limit_bytes);
  ~CompressedValues();
  CompressedValues(const CompressedValues&) = delete;
  CompressedValues& operator=(const CompressedValues&) = delete;

  [[nodiscard]] std::string get(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> get_batch(std::span<const std::string_view> keys) const;
  [[nodiscard]] std::string get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const;
  /// nullopt for a missing key.
  [[nodiscard]] std::optional<Size> size(std::string_view key) const;
  [[nodiscard]] std::vector<KeySize> list(const ListOptions& options) const;

 private:
  class Lease;

  [[nodiscard]] std::string read_whole(std::string_view key) const;
  [[nodiscard]] std::uint64_t room_for(std::string_view key, std::string_view frames, std::uint64_t end) const;
  [[nodiscard]] std::optional<Size> size_at_once(std::string_view key) const;
  [[nodiscard]] std::uint64_t decoded_size_of(const KeySize& key, std::uint64_t removals) const;
  [[nodiscard]] std::uint64_t go_over(FrameVisit& visit, std::uint64_t encoded) const;
  [[nodiscard]] std::string read_range(FrameVisit& visit, std::uint64_t offset, std::uint64_t size) const;
  void append_frames(FrameVisit& visit, const FramePosition& first, const FramePosition& last, std::uint64_t offset,
                     std::uint64_t size, std::string& range) const;

  const Store& below_;
  const std::uint64_t limit_bytes_;
  mutable Pool<FrameDecoder> decoders_;
  mutable std::array<std::atomic<FrameVisit*>, 16> visits_{};  // each at the hash of its key; nullptr: it is in use
};

}  // namespace accrete
