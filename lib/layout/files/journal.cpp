#include "layout/files/journal.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "dataset/names.hpp"
#include "dataset/sync_or_note.hpp"

namespace accrete {
namespace {

constexpr std::string_view magic = "ACCRJRNL";
constexpr std::uint32_t version = 1;
constexpr std::size_t checked_header_size = Journal::header_size - 8;
constexpr std::size_t entry_header_size = 2 + 1 + 8 + 8;

std::string encode_header(std::uint64_t nonce) {
  std::string header(magic);
  append_le(header, version);
  append_le(header, std::uint32_t{0});
  append_le(header, nonce);
  append_le(header, hash64(header));
  return header;
}

void append_record(std::string& to, std::uint64_t nonce, std::uint64_t offset, std::string_view payload) {
  append_le(to, std::uint64_t{payload.size()});
  append_le(to, hash64(payload, nonce + offset));
  to += payload;
}

[[noreturn]] void throw_damaged(const char* what) {
  throw CorruptionError(std::string("a journal record is damaged: ") + what);
}

}  // namespace

JournalRecord decode_journal_payload(std::string_view payload) {
  ByteReader reader(payload);
  JournalRecord record;
  const auto has_id = reader.integer<std::uint8_t>();
  if (has_id > 1) throw_damaged("it has an unknown kind of id");
  if (has_id == 1) {
    BatchId& id = record.id.emplace();
    const auto writer = as_byte_span(reader.bytes(id.writer.size()));
    std::copy(writer.begin(), writer.end(), id.writer.begin());
    id.sequence = reader.integer<std::uint64_t>();
  }
  const auto count = reader.integer<std::uint32_t>();
  if (!reader.ok()) throw_damaged("it is cut short");
  if (count > reader.left() / entry_header_size) throw_damaged("it counts more entries than it holds");
  record.entries.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto key_size = reader.integer<std::uint16_t>();
    const auto existed = reader.integer<std::uint8_t>();
    const auto old_size = reader.integer<std::uint64_t>();
    const auto bytes_size = reader.integer<std::uint64_t>();
    const std::string_view key = reader.bytes(key_size);
    const std::string_view bytes = reader.bytes(bytes_size);
    if (!reader.ok()) throw_damaged("it is cut short");
    if (key.empty() || key.size() > max_key_size) throw_damaged("it has a key of an impossible size");
    if (existed > 1 || (existed == 0 && old_size != 0)) throw_damaged("it has a key in an impossible state");
    record.entries.push_back(
        {.key = key, .old_size = existed ? std::optional(old_size) : std::nullopt, .bytes = bytes});
  }
  if (!reader.at_end()) throw_damaged("bytes follow its last entry");
  return record;
}

JournalPayload::JournalPayload(const std::optional<BatchId>& id, std::uint32_t entry_count) {
  append_le(payload_, static_cast<std::uint8_t>(id ? 1 : 0));
  if (id) {
    payload_ += as_string_view(id->writer);
    append_le(payload_, id->sequence);
  }
  append_le(payload_, entry_count);
}

void JournalPayload::add_entry(std::string_view key, std::optional<std::uint64_t> old_size, std::uint64_t bytes_size) {
  append_le(payload_, static_cast<std::uint16_t>(key.size()));
  append_le(payload_, static_cast<std::uint8_t>(old_size ? 1 : 0));
  append_le(payload_, old_size.value_or(0));
  append_le(payload_, bytes_size);
  payload_ += key;
}

std::optional<std::uint64_t> Journal::load_nonce() const {
  const std::unique_ptr<File> file = try_readable();
  if (!file) return std::nullopt;
  std::array<char, header_size> raw;
  if (file->read_at(0, raw) != raw.size()) return std::nullopt;
  ByteReader reader({raw.data(), raw.size()});
  const bool ours = reader.bytes(magic.size()) == magic && reader.integer<std::uint32_t>() == version;
  (void)reader.integer<std::uint32_t>();
  const auto nonce = reader.integer<std::uint64_t>();
  const bool whole = reader.integer<std::uint64_t>() == hash64({raw.data(), checked_header_size});
  return ours && whole ? std::optional(nonce) : std::nullopt;
}

std::uint64_t Journal::restart(std::uint64_t nonce, std::string_view payload) {
  const bool is_new = !directory_.info(journal_name).has_value();
  // By itself, and in one sector: records that power loss tears under their own header would seem damaged.
  write_synced(0, encode_header(nonce));
  if (is_new) sync_name();
  return payload.empty() ? header_size : append(nonce, header_size, payload);
}

std::uint64_t Journal::append(std::uint64_t nonce, std::uint64_t end, std::string_view payload) {
  std::string bytes;
  bytes.reserve(record_size(payload));
  append_record(bytes, nonce, end, payload);
  write_synced(end, bytes);
  return end + bytes.size();
}

void Journal::invalidate(std::uint64_t nonce, std::uint64_t offset) {
  if (!load(nonce, offset)) return;  // on a full disk there is no room to say so of one that could not be written
  // All ones are no size that fits a file, so no checksum can match.
  write_synced(offset, std::string(record_header_size, '\xFF'));
}

std::optional<std::string> Journal::load(std::uint64_t nonce, std::uint64_t offset) const {
  const std::unique_ptr<File> file = try_readable();
  if (!file) return std::nullopt;
  std::array<char, record_header_size> raw;
  if (file->read_at(offset, raw) != raw.size()) return std::nullopt;
  ByteReader reader({raw.data(), raw.size()});
  const auto size = reader.integer<std::uint64_t>();
  const auto checksum = reader.integer<std::uint64_t>();
  const std::uint64_t file_size = file->size();
  const std::uint64_t payload_offset = offset + record_header_size;
  if (payload_offset > file_size || size > file_size - payload_offset) return std::nullopt;
  std::string payload(size, '\0');
  payload.resize(file->read_at(payload_offset, payload));
  if (hash64(payload, nonce + offset) != checksum) return std::nullopt;
  return payload;
}

void Journal::write_synced(std::uint64_t offset, std::string_view bytes) {
  File& file = writable();
  const std::uint64_t size = file.size();
  const std::uint64_t end = offset + bytes.size();
  if (end > size) {
    const std::uint64_t wanted = std::min(std::max({smallest_size_limit, 2 * size, end}), size_limit_);
    try {
      if (wanted > end) file.write_at(end, std::string(wanted - end, '\0'));
    } catch (const DiskFullError&) {
      // Room for the record itself is all that is needed.
    }
  }
  file.write_at(offset, bytes);
  sync_or_note(file, note_failed_sync_);
}

void Journal::sync_name() { sync_or_note(directory_, note_failed_sync_); }

File& Journal::writable() {
  if (!file_) file_ = directory_.try_open(journal_name, OpenMode::write);
  if (!file_) file_ = directory_.open(journal_name, OpenMode::create);
  return *file_;
}

std::unique_ptr<File> Journal::try_readable() const { return directory_.try_open(journal_name, OpenMode::read); }

}  // namespace accrete
