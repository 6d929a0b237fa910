#include "base/record.hpp"

#include "base/bytes.hpp"
#include "base/hash.hpp"

namespace accrete {
namespace {

constexpr std::size_t checked_offset = 8 + 4;
constexpr std::size_t checked_size = record_header_size - checked_offset;

std::uint32_t header_check(std::string_view header, std::uint64_t seed) noexcept {
  return static_cast<std::uint32_t>(hash64(header.substr(checked_offset, checked_size), seed));
}

}  // namespace

void seal_record(std::string& record, std::uint64_t nonce, std::uint64_t offset, std::uint64_t durable) {
  const std::uint64_t seed = nonce + offset;
  const std::string_view payload = std::string_view(record).substr(record_header_size);
  const std::uint64_t checksum = hash64(payload, seed);
  const auto size = static_cast<std::uint32_t>(payload.size());
  record.resize(record_size(payload.size()), '\0');
  const std::span header = std::as_writable_bytes(std::span{record}).first<record_header_size>();
  store_le(header.subspan<0, 8>(), checksum);
  store_le(header.subspan<12, 4>(), size);
  store_le(header.subspan<16, 8>(), durable);
  store_le(header.subspan<8, 4>(), header_check(record, seed));
}

std::optional<RecordHeader> try_decode_record_header(std::string_view bytes, std::uint64_t nonce,
                                                     std::uint64_t offset) noexcept {
  if (bytes.size() < record_header_size) return std::nullopt;
  ByteReader reader(bytes);
  RecordHeader header;
  header.checksum = reader.integer<std::uint64_t>();
  const auto check = reader.integer<std::uint32_t>();
  header.size = reader.integer<std::uint32_t>();
  header.durable = reader.integer<std::uint64_t>();
  if (header.size > max_record_payload || check != header_check(bytes, nonce + offset)) return std::nullopt;
  return header;
}

bool is_whole(const RecordHeader& header, std::string_view payload, std::uint64_t nonce,
              std::uint64_t offset) noexcept {
  return payload.size() == header.size && hash64(payload, nonce + offset) == header.checksum;
}

}  // namespace accrete
