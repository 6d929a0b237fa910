// Entries encoded as frames.
#pragma once

#include <accrete/store.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "codec/frame_encoder.hpp"
#include "store/batch_plan.hpp"

namespace accrete {

/// For one thread at a time; keeps its memory.
class BatchEncoder {
 public:
  explicit BatchEncoder(const Codec& codec) : encoder_(codec) {}

  /// One entry for each key, of all its bytes: what is compressed together gets smaller. What is returned holds until
  /// the next call, and refers to the keys of `entries`. Throws TooLargeError.
  [[nodiscard]] std::span<const Entry> encode(std::span<const Entry> entries);

  /// Gives back what a large batch has needed.
  void forget_large_batch() noexcept;

 private:
  [[nodiscard]] std::string_view joined(const BatchPlan::Group& group);

  FrameEncoder encoder_;
  BatchPlan plan_;
  std::string joined_{};
  std::string bytes_{};
  std::vector<std::size_t> ends_{};
  std::vector<Entry> entries_{};
};

}  // namespace accrete
