// The record: how payloads that are written one after the other are told from what a crash, a former use of the same
// file or damage has left. The journal of a buffer is a stream of them; so are the segments of a log.
//
//   record = header payload padding
//   header = checksum:u64 header_check:u32 size:u32 durable:u64
//
// `size` is that of the payload; zero bytes pad the record to a multiple of 8. `checksum` is the XXH3-64 of the payload
// and `header_check` the low half of that of the 12 bytes after it, both seeded with the stream's nonce + the record's
// offset: what stood at that place in a former use of the file, or at another place, is no record, and a payload cannot
// forge one, since it does not know the nonce. `durable` is how far the stream was known to survive power loss when the
// record was written. So a bad record can be judged by what is whole after it:
//   - nothing is: it is the torn tail, and the stream ends before it;
//   - something is: power loss has taken what was not synced, if no whole record after says that it was durable,
//     and then the stream ends there, too; otherwise it is damage.
// The check of the header alone makes looking for whole records after a bad one cheap. Rejected: one checksum over
// both, since then a damaged size hides where the next record begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accrete {

inline constexpr std::size_t record_header_size = 8 + 4 + 4 + 8;
inline constexpr std::size_t record_alignment = 8;
inline constexpr std::uint64_t max_record_payload = std::uint64_t{1} << 31;

/// Bytes of a record with its header and padding.
[[nodiscard]] constexpr std::uint64_t record_size(std::uint64_t payload_size) noexcept {
  return (record_header_size + payload_size + record_alignment - 1) / record_alignment * record_alignment;
}

struct RecordHeader {
  std::uint64_t checksum = 0;
  std::uint32_t size = 0;  ///< of the payload
  std::uint64_t durable = 0;
};

/// Completes a record that is to stand at `offset`: `record` holds record_header_size bytes of any value, and after
/// them the payload, of up to max_record_payload bytes.
void seal_record(std::string& record, std::uint64_t nonce, std::uint64_t offset, std::uint64_t durable);

/// nullopt if `bytes` do not begin with the header of a record at `offset`.
[[nodiscard]] std::optional<RecordHeader> try_decode_record_header(std::string_view bytes, std::uint64_t nonce,
                                                                   std::uint64_t offset) noexcept;

/// Whether `payload` is what was sealed.
[[nodiscard]] bool is_whole(const RecordHeader& header, std::string_view payload, std::uint64_t nonce,
                            std::uint64_t offset) noexcept;

}  // namespace accrete
