// Entries encoded as frames.
#pragma once

#include <accrete/store.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "codec/frame_encoder.hpp"

namespace accrete {

/// For one thread at a time; keeps its memory.
class BatchEncoder {
 public:
  explicit BatchEncoder(const Codec& codec) : encoder_(codec) {}

  /// What is returned holds until the next call, and refers to the keys of `entries`.
  [[nodiscard]] std::span<const Entry> encode(std::span<const Entry> entries);

 private:
  FrameEncoder encoder_;
  std::string bytes_{};
  std::vector<std::size_t> ends_{};
  std::vector<Entry> entries_{};
};

}  // namespace accrete
