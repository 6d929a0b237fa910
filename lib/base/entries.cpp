#include "base/entries.hpp"

namespace accrete {

std::uint64_t encoded_size(std::span<const Entry> entries) noexcept {
  std::uint64_t size = 4;
  for (const Entry& entry : entries) size += entry_header_size + entry.key.size() + entry.bytes.size();
  return size;
}

void encode_entries(std::span<const Entry> entries, std::string& to) {
  append_le(to, static_cast<std::uint32_t>(entries.size()));
  for (const Entry& entry : entries) {
    encode_entry_header(entry.key, entry.bytes.size(), to);
    to += entry.bytes;
  }
}

void encode_entry_header(std::string_view key, std::size_t bytes_size, std::string& to) {
  append_le(to, static_cast<std::uint16_t>(key.size()));
  append_le(to, static_cast<std::uint32_t>(bytes_size));
  to += key;
}

bool try_decode_entries(ByteReader& from, std::vector<Entry>& to) {
  to.clear();
  const std::size_t count = from.integer<std::uint32_t>();
  if (count > from.left() / (entry_header_size + 1)) return false;
  to.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t key_size = from.integer<std::uint16_t>();
    const std::size_t bytes_size = from.integer<std::uint32_t>();
    const std::string_view key = from.bytes(key_size);
    const std::string_view bytes = from.bytes(bytes_size);
    if (!from.ok() || key.empty() || key.size() > max_key_size) return false;
    to.push_back({key, bytes});
  }
  return from.ok();
}

}  // namespace accrete
