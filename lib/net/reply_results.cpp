// The results that replies carry.
#include <algorithm>
#include <initializer_list>

#include "base/bytes.hpp"
#include "net/decoder.hpp"
#include "net/protocol.hpp"

namespace accrete::wire {

namespace {

std::string encode_numbers(std::initializer_list<std::uint64_t> numbers) {
  std::string bytes;
  for (const std::uint64_t number : numbers) append_le(bytes, number);
  return bytes;
}

}  // namespace

std::string encode_number(std::uint64_t number) { return encode_numbers({number}); }

std::uint64_t decode_number(std::string_view bytes) {
  Decoder from("the number in a server's reply", bytes);
  const auto number = from.integer<std::uint64_t>();
  from.end();
  return number;
}

std::string encode_size(const std::optional<std::uint64_t>& size) {
  std::string bytes;
  append_le(bytes, std::uint8_t{size.has_value()});
  if (size) append_le(bytes, *size);
  return bytes;
}

std::optional<std::uint64_t> decode_size(std::string_view bytes) {
  Decoder from("the number in a server's reply", bytes);
  std::optional<std::uint64_t> size;
  if (from.flag("presence")) size = from.integer<std::uint64_t>();
  from.end();
  return size;
}

std::string encode_flag(bool flag) { return {static_cast<char>(flag)}; }

bool decode_flag(std::string_view bytes) {
  Decoder from("the answer in a server's reply", bytes);
  const bool flag = from.flag("answer");
  from.end();
  return flag;
}

std::string encode_attribute(const std::optional<std::string>& value) {
  return encode_flag(value.has_value()) + value.value_or(std::string());
}

std::optional<std::string> decode_attribute(std::string_view bytes) {
  Decoder from("the attribute in a server's reply", bytes);
  std::optional<std::string> value;
  if (from.flag("presence")) value = from.rest();
  from.end();
  return value;
}

std::string encode_list(const KeyPage& page, std::size_t max_bytes) {
  std::string bytes;
  std::size_t size = sizeof(std::uint8_t) + sizeof(std::uint64_t);
  std::size_t count = 0;
  for (const KeySize& key : page.keys) {
    const std::size_t key_bytes = sizeof(std::uint16_t) + key.key.size() + sizeof key.size;
    if (count > 0 && key_bytes > max_bytes - std::min(size, max_bytes)) break;
    size += key_bytes;
    ++count;
  }
  bytes.reserve(size);
  append_le(bytes, std::uint8_t{page.more || count < page.keys.size()});
  append_le(bytes, std::uint64_t{count});
  for (const KeySize& key : std::span(page.keys).first(count)) {
    append_le(bytes, static_cast<std::uint16_t>(key.key.size()));
    bytes += key.key;
    append_le(bytes, key.size);
  }
  return bytes;
}

KeyPage decode_list(std::string_view bytes) {
  Decoder from("a server's list of keys", bytes);
  KeyPage page{.more = from.flag("more")};
  const auto count = from.count<std::uint64_t>(sizeof(std::uint16_t) + 1 + sizeof(std::uint64_t));
  page.keys.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view key = from.key();
    page.keys.push_back({std::string(key), from.integer<std::uint64_t>()});
  }
  from.end();
  return page;
}

std::string encode_stats(const Stats& stats) {
  return encode_numbers({stats.keys, stats.bytes, stats.stored_bytes, stats.buffered_bytes, stats.flushes});
}

Stats decode_stats(std::string_view bytes) {
  Decoder from("a store's statistics", bytes);
  Stats stats;
  from.integers(stats.keys, stats.bytes, stats.stored_bytes, stats.buffered_bytes, stats.flushes);
  from.end();
  return stats;
}

std::string encode_server_stats(const ServerStats& stats) {
  return encode_numbers({stats.clients, stats.refused_clients, stats.batches, stats.batch_bytes, stats.refused_batches,
                         stats.queued_bytes, stats.answers});
}

ServerStats decode_server_stats(std::string_view bytes) {
  Decoder from("a server's statistics", bytes);
  ServerStats stats;
  from.integers(stats.clients, stats.refused_clients, stats.batches, stats.batch_bytes, stats.refused_batches,
                stats.queued_bytes, stats.answers);
  from.end();
  return stats;
}

std::string encode_key_list_change(const KeyListChange& change) {
  return encode_numbers({change.keys, change.added, change.removed});
}

KeyListChange decode_key_list_change(std::string_view bytes) {
  Decoder from("what a server says of its keys", bytes);
  KeyListChange change;
  from.integers(change.keys, change.added, change.removed);
  from.end();
  return change;
}

std::uint64_t encoded_values_size(std::span<const std::string> values) noexcept {
  std::uint64_t size = sizeof(std::uint32_t);
  for (const std::string& value : values) size += sizeof(std::uint64_t) + value.size();
  return size;
}

void encode_values(std::span<const std::string> values, const std::function<void(std::string_view)>& add) {
  std::string number;
  append_le(number, static_cast<std::uint32_t>(values.size()));
  add(number);
  for (const std::string& value : values) {
    number.clear();
    append_le(number, std::uint64_t{value.size()});
    add(number);
    add(value);
  }
}

std::string encode_values(std::span<const std::string> values) {
  std::string bytes;
  bytes.reserve(static_cast<std::size_t>(encoded_values_size(values)));
  encode_values(values, [&](std::string_view piece) { bytes += piece; });
  return bytes;
}

std::uint64_t encoded_located_size(const LocatedValues& located) noexcept {
  std::uint64_t size = located_head_size;
  for (const LocatedValues::Value& value : located.values) size += located_value_head_size + value.rest.size();
  return size;
}

void encode_located(const LocatedValues& located, const std::function<void(std::string_view)>& add) {
  std::string head(as_string_view(located.dataset));
  append_le(head, located.removals);
  append_le(head, static_cast<std::uint32_t>(located.values.size()));
  add(head);
  for (const LocatedValues::Value& value : located.values) {
    head.clear();
    append_le(head, value.in_file);
    append_le(head, std::uint64_t{value.rest.size()});
    add(head);
    add(value.rest);
  }
}

std::vector<std::string> decode_values(std::string_view bytes) {
  Decoder from("the values that a server sends", bytes);
  std::vector<std::string> values;
  const auto count = from.count<std::uint32_t>(sizeof(std::uint64_t));
  values.reserve(count);
  for (std::size_t i = 0; i < count; ++i) values.emplace_back(from.bytes(from.integer<std::uint64_t>()));
  from.end();
  return values;
}

}  // namespace accrete::wire
