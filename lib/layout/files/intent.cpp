#include "layout/files/intent.hpp"

#include <accrete/error.hpp>
#include <accrete/store.hpp>
#include <array>

#include "base/bytes.hpp"

namespace accrete {
namespace {

enum class WriterTag : std::uint8_t { none = 0, new_slot = 1, old_slot = 2 };

constexpr std::size_t target_header_size = 2 + 1 + 8;

[[noreturn]] void throw_damaged(const char* what) {
  throw CorruptionError(std::string("the intent record is damaged: ") + what);
}

std::optional<WriterUpdate> read_writer(ByteReader& reader) {
  const auto tag = reader.integer<std::uint8_t>();
  if (tag == static_cast<std::uint8_t>(WriterTag::none)) return std::nullopt;
  WriterUpdate change{.slot = reader.integer<std::uint64_t>()};
  if (tag == static_cast<std::uint8_t>(WriterTag::new_slot)) return change;
  if (tag != static_cast<std::uint8_t>(WriterTag::old_slot)) throw_damaged("it has an unknown kind of writer");
  change.old_sequence = reader.integer<std::uint64_t>();
  return change;
}

IntentTarget read_target(ByteReader& reader) {
  const auto key_size = reader.integer<std::uint16_t>();
  const auto existed = reader.integer<std::uint8_t>();
  const auto old_size = reader.integer<std::uint64_t>();
  const std::string_view key = reader.bytes(key_size);
  if (!reader.ok()) throw_damaged("it is cut short");
  if (key.empty() || key.size() > max_key_size) throw_damaged("it has a key of an impossible size");
  if (existed > 1 || (existed == 0 && old_size != 0)) throw_damaged("it has a key in an impossible state");
  return {.key = key, .old_size = existed ? std::optional(old_size) : std::nullopt};
}

}  // namespace

void encode_intent(const Intent& intent, std::string& record) {
  record.clear();
  append_le(record, static_cast<std::uint8_t>(intent.kind));
  if (!intent.writer) {
    append_le(record, static_cast<std::uint8_t>(WriterTag::none));
  } else {
    const bool is_new = !intent.writer->old_sequence;
    append_le(record, static_cast<std::uint8_t>(is_new ? WriterTag::new_slot : WriterTag::old_slot));
    append_le(record, intent.writer->slot);
    if (!is_new) append_le(record, *intent.writer->old_sequence);
  }
  append_le(record, static_cast<std::uint32_t>(intent.targets.size()));
  for (const IntentTarget& target : intent.targets) {
    std::array<std::byte, target_header_size> header;
    const std::span bytes{header};
    store_le(bytes.subspan<0, 2>(), static_cast<std::uint16_t>(target.key.size()));
    store_le(bytes.subspan<2, 1>(), static_cast<std::uint8_t>(target.old_size ? 1 : 0));
    store_le(bytes.subspan<3, 8>(), target.old_size.value_or(0));
    record.append(as_string_view(bytes)).append(target.key);
  }
}

Intent decode_intent(std::string_view record) {
  ByteReader reader(record);
  Intent intent;
  const auto kind = reader.integer<std::uint8_t>();
  if (kind < 1 || kind > 3) throw_damaged("it has an unknown kind of change");
  intent.kind = static_cast<Intent::Kind>(kind);
  intent.writer = read_writer(reader);
  const auto count = reader.integer<std::uint32_t>();
  if (!reader.ok()) throw_damaged("it is cut short");
  if (count > reader.left() / target_header_size) throw_damaged("it counts more keys than it holds");
  intent.targets.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) intent.targets.push_back(read_target(reader));
  if (!reader.at_end()) throw_damaged("bytes follow its last key");
  const bool sensible = intent.kind == Intent::Kind::append  ? true
                        : intent.kind == Intent::Kind::erase ? count == 1 && intent.targets[0].old_size.has_value()
                                                             : count == 0;
  if (!sensible) throw_damaged("it has the wrong number of keys for its kind");
  return intent;
}

}  // namespace accrete
