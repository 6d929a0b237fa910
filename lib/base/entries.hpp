// How the entries of a batch lie in a record of a journal and in a message of the wire protocol.
//
//   entries = count:u32 count*entry
//   entry   = key_size:u16 bytes_size:u32 key bytes
//
// All integers are little-endian. The sizes stand before the key, so that an entry is found with one read.
#pragma once

#include <accrete/store.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace accrete {

inline constexpr std::size_t entry_header_size = 2 + 4;
/// The largest piece that one entry can hold.
inline constexpr std::uint64_t max_entry_bytes = std::numeric_limits<std::uint32_t>::max();

/// Bytes of `entries` when they are encoded.
[[nodiscard]] std::uint64_t encoded_size(std::span<const Entry> entries) noexcept;

/// Appends to `to`. No entry may have more than max_entry_bytes, and there may be no more than 2^32 - 1 of them.
void encode_entries(std::span<const Entry> entries, std::string& to);

/// What stands before an entry's bytes; the caller appends these, `bytes_size` of them.
void encode_entry_header(std::string_view key, std::size_t bytes_size, std::string& to);

/// Replaces the contents of `to`; keys and bytes point into what the reader reads. False if the bytes are no entries,
/// or if a key among them has no valid size.
[[nodiscard]] bool try_decode_entries(ByteReader& from, std::vector<Entry>& to);

}  // namespace accrete
