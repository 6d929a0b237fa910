// The intent record: what to do about a change whose writer died in it. It is published in the control file before the
// change (see control.hpp, which has its checksum) and tells how to take an append back, or how to complete an erase or
// a drop, none of which can be undone.
//
//   intent  = kind writer count:u32 count*target
//   kind    = %x01 / %x02 / %x03                   ; append / erase / drop
//   writer  = %x00                                 ; the batch has no id
//           / %x01 slot:u64                        ; it makes this slot of `.writers`
//           / %x02 slot:u64 old_sequence:u64       ; it changes this slot
//   target  = key_size:u16 existed:u8 old_size:u64 key
//
// All integers are little-endian. A drop has no targets, an erase has one that existed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

struct WriterUpdate {
  std::uint64_t slot = 0;
  std::optional<std::uint64_t> old_sequence{};  ///< nullopt: the slot is new

  friend bool operator==(const WriterUpdate&, const WriterUpdate&) = default;
};

struct IntentTarget {
  std::string_view key;                     ///< borrowed: from the batch, or from the record
  std::optional<std::uint64_t> old_size{};  ///< nullopt: the key is new

  friend bool operator==(const IntentTarget&, const IntentTarget&) = default;
};

struct Intent {
  enum class Kind : std::uint8_t { append = 1, erase = 2, drop = 3 };

  Kind kind = Kind::append;
  std::optional<WriterUpdate> writer{};
  std::vector<IntentTarget> targets{};

  friend bool operator==(const Intent&, const Intent&) = default;
};

/// Replaces the contents of `record`, whose memory is used again.
void encode_intent(const Intent& intent, std::string& record);

/// The keys point into `record`. Throws CorruptionError.
[[nodiscard]] Intent decode_intent(std::string_view record);

}  // namespace accrete
