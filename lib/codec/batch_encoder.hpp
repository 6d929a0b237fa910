// Entries encoded as frames.
#pragma once

#include <accrete/store.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/entry_groups.hpp"
#include "codec/frame_encoder.hpp"

namespace accrete {

/// For one thread at a time; keeps its memory.
class BatchEncoder {
 public:
  explicit BatchEncoder(const Codec& codec) : encoder_(codec) {}

  /// The bytes for a key stand together, for what is compressed together gets smaller: in one entry, or, unless
  /// `one_entry_a_key`, in several where some are stored as they are. What is returned holds as long as `entries` do,
  /// up to the next call. Throws TooLargeError.
  [[nodiscard]] std::span<const Entry> encode(std::span<const Entry> entries, bool one_entry_a_key = false);

  /// Gives back what a large batch has needed.
  void forget_large_batch() noexcept;

 private:
  /// Of what is returned: bytes of `encoded_`, or bytes that were given.
  struct Part {
    std::string_view key;
    std::string_view given;
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  void encode(const EntryGroup& group, bool one_entry_a_key);
  [[nodiscard]] std::string_view joined(std::span<const std::string_view> pieces, std::uint64_t bytes);

  FrameEncoder encoder_;
  EntryGroups<> groups_;
  std::string joined_{};
  std::string encoded_{};
  std::vector<Part> parts_{};
  std::vector<Entry> entries_{};
};

}  // namespace accrete
