#include "store/buffer_journal.hpp"

#include <accrete/error.hpp>
#include <algorithm>

#include "base/bytes.hpp"
#include "base/entries.hpp"
#include "base/hash.hpp"
#include "base/record.hpp"
#include "os/system.hpp"

namespace accrete {
namespace {

constexpr std::string_view magic = "ACCRBUFJ";
constexpr std::uint32_t version = 1;

constexpr std::uint8_t batches_kind = 1;
constexpr std::uint8_t step_kind = 2;
constexpr std::uint8_t has_id = 1;
constexpr std::uint8_t has_session = 2;

constexpr std::size_t batch_count_offset = record_header_size + 1;

/// A system call costs less than the faults of pages that are written to through a mapping.
constexpr std::size_t large_write = 4096;

void append_id(std::string& to, const BatchId& id) {
  to += as_string_view(id.writer);
  append_le(to, id.sequence);
}

template <std::size_t Size>
std::array<std::byte, Size> read_array(ByteReader& reader) noexcept {
  std::array<std::byte, Size> array{};
  const std::string_view bytes = reader.bytes(Size);
  std::copy_n(as_byte_span(bytes).begin(), bytes.size(), array.begin());
  return array;
}

BatchId read_id(ByteReader& reader) noexcept {
  const auto writer = read_array<16>(reader);
  return {.writer = writer, .sequence = reader.integer<std::uint64_t>()};
}

[[noreturn]] void throw_not_a_payload() {
  throw CorruptionError("a record of a buffer's journal is whole, but holds neither batches nor a step");
}

void read_batches(ByteReader& reader, BufferPayload& payload) {
  const std::size_t count = reader.integer<std::uint32_t>();
  if (count > reader.left()) throw_not_a_payload();
  payload.batches.resize(count);
  payload.entries.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto ids = reader.integer<std::uint8_t>();
    if (ids > (has_id | has_session)) throw_not_a_payload();
    if ((ids & has_id) != 0) payload.batches[i].id = read_id(reader);
    if ((ids & has_session) != 0) payload.batches[i].session = read_id(reader);
    if (!try_decode_entries(reader, payload.entries[i])) throw_not_a_payload();
    payload.batches[i].entries = payload.entries[i];
  }
}

BufferStep read_step(ByteReader& reader) {
  BufferStep step;
  const auto kind = reader.integer<std::uint8_t>();
  if (kind < 1 || kind > 3) throw_not_a_payload();
  step.kind = static_cast<BufferStep::Kind>(kind);
  step.number = reader.integer<std::uint64_t>();
  step.applied = reader.integer<std::uint64_t>();
  const std::size_t count = reader.integer<std::uint32_t>();
  if (count > reader.left() / 2) throw_not_a_payload();
  for (std::size_t i = 0; i < count; ++i) step.keys.push_back(reader.bytes(reader.integer<std::uint16_t>()));
  return step;
}

}  // namespace

std::string encode_buffer_segment_header(const BufferSegmentHeader& header) {
  std::string bytes(magic);
  append_le(bytes, version);
  append_le(bytes, std::uint32_t{header.synced});
  bytes += as_string_view(header.journal);
  bytes += as_string_view(header.boot_id);
  append_le(bytes, header.number);
  append_le(bytes, header.nonce);
  append_le(bytes, header.previous_end);
  append_le(bytes, hash64(bytes));
  return bytes;
}

std::optional<BufferSegmentHeader> decode_buffer_segment_header(std::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.bytes(magic.size()) != magic) return std::nullopt;
  const auto found_version = reader.integer<std::uint32_t>();
  if (reader.ok() && found_version != version) {
    throw UnsupportedError("the journal of a buffer has format version " + std::to_string(found_version) +
                           "; this version of accrete knows " + std::to_string(version) +
                           ": open the dataset once with the version that wrote it");
  }
  BufferSegmentHeader header;
  header.synced = reader.integer<std::uint32_t>() != 0;
  header.journal = read_array<16>(reader);
  header.boot_id = read_array<16>(reader);
  header.number = reader.integer<std::uint64_t>();
  header.nonce = reader.integer<std::uint64_t>();
  header.previous_end = reader.integer<std::uint64_t>();
  const auto checksum = reader.integer<std::uint64_t>();
  if (!reader.ok() || checksum != hash64(bytes.substr(0, buffer_segment_header_size - 8))) return std::nullopt;
  return header;
}

BufferBatches::BufferBatches(std::string& record) : record_(record) {
  record_.assign(record_header_size, '\0');
  record_ += static_cast<char>(batches_kind);
  append_le(record_, count_);
}

void BufferBatches::add(const BufferedBatch& batch) {
  record_ += static_cast<char>((batch.id ? has_id : 0) | (batch.session ? has_session : 0));
  if (batch.id) append_id(record_, *batch.id);
  if (batch.session) append_id(record_, *batch.session);
  encode_entries(batch.entries, record_);
  ++count_;
  store_le(std::as_writable_bytes(std::span{record_}).subspan(batch_count_offset).first<4>(), count_);
}

std::uint64_t BufferBatches::size_of(std::span<const Entry> entries) noexcept {
  constexpr std::uint64_t most_of_ids = 1 + 2 * (16 + 8);
  return most_of_ids + encoded_size(entries);
}

void encode_buffer_step(const BufferStep& step, std::string& record) {
  record.assign(record_header_size, '\0');
  record += static_cast<char>(step_kind);
  record += static_cast<char>(step.kind);
  append_le(record, step.number);
  append_le(record, step.applied);
  append_le(record, static_cast<std::uint32_t>(step.keys.size()));
  for (const std::string_view key : step.keys) {
    append_le(record, static_cast<std::uint16_t>(key.size()));
    record += key;
  }
}

BufferPayload decode_buffer_payload(std::string_view payload) {
  ByteReader reader(payload);
  BufferPayload decoded;
  switch (reader.integer<std::uint8_t>()) {
    case batches_kind:
      read_batches(reader, decoded);
      break;
    case step_kind:
      decoded.step = read_step(reader);
      break;
    default:
      throw_not_a_payload();
  }
  if (!reader.ok() || !reader.at_end()) throw_not_a_payload();
  return decoded;
}

bool has_buffer_journal(const Directory& directory) {
  return std::any_of(buffer_journal_names.begin(), buffer_journal_names.end(),
                     [&](const char* name) { return directory.info(name).has_value(); });
}

WriterId buffer_journal_id(std::string_view dataset_uuid) noexcept {
  return hash128("accrete buffer" + std::string(dataset_uuid));
}

WriterId replay_writer(const WriterId& journal) noexcept {
  return hash128("accrete replay" + std::string(as_string_view(journal)));
}

BufferJournal::BufferJournal(Directory& directory, const Settings& settings)
    : directory_(directory), settings_(settings) {
  header_ = {.synced = settings.synced,
             .journal = settings.journal,
             .boot_id = settings.boot_id,
             .number = settings.first_number - 1};
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    Segment& segment = segments_[i];
    segment.name = buffer_journal_names[i];
    segment.file = directory_.try_open(segment.name, OpenMode::write);
    if (!segment.file) segment.file = directory_.open(segment.name, OpenMode::create);
    // A segment of an older journal would be taken for a part of this one's past.
    segment.file->truncate(0);
    if (settings_.synced) segment.file->sync();
  }
  if (settings_.synced) directory_.sync();
  start();
}

bool BufferJournal::fits(std::uint64_t payload_size) const noexcept {
  return end_ == buffer_segment_header_size || end_ + record_size(payload_size) <= settings_.segment_bytes;
}

void BufferJournal::append(std::string& record) {
  seal_record(record, header_.nonce, end_, durable_);
  last_ = end_;
  Segment& segment = segment_of(header_.number);
  try {
    write(segment, end_, record);
    if (settings_.synced) segment.file->sync();
  } catch (...) {
    take_back();
    throw;
  }
  end_ += record.size();
  if (settings_.synced) durable_ = end_;
}

/// It may be there in whole. The next record takes its place; if there is none, it must not count.
void BufferJournal::take_back() {
  end_ = last_;
  try {
    write(segment_of(header_.number), end_, std::string(record_header_size, '\0'));
  } catch (const Error&) {
    // What could not be written over could not be written either, as a rule.
  }
}

void BufferJournal::write(Segment& segment, std::uint64_t offset, std::string_view bytes) {
  if (settings_.synced || bytes.size() >= large_write) {
    segment.file->write_at(offset, bytes);
    segment.size = std::max(segment.size, offset + bytes.size());
    return;
  }
  const bool is_inside = window_segment_ == &segment && offset >= window_range_.offset &&
                         offset + bytes.size() <= window_range_.offset + window_range_.size;
  if (!is_inside) move_window(segment, {.offset = offset, .size = bytes.size()});
  window_->write(offset - window_range_.offset, as_byte_span(bytes));
}

/// To where `range` is to be written. A window instead of the whole segment, so that the process does not seem to have
/// that in its memory.
void BufferJournal::move_window(Segment& segment, const ByteRange& range) {
  constexpr std::uint64_t alignment = std::uint64_t{64} << 10;
  constexpr std::uint64_t most = std::uint64_t{2} << 20;  // unless a record is larger
  ByteRange wanted{.offset = range.offset / alignment * alignment};
  const std::uint64_t left = settings_.segment_bytes - std::min(settings_.segment_bytes, wanted.offset);
  wanted.size = std::max(range.offset + range.size - wanted.offset, std::min(left, most));
  window_segment_ = nullptr;
  if (wanted.offset + wanted.size > segment.size) {
    segment.file->truncate(wanted.offset + wanted.size);
    segment.size = wanted.offset + wanted.size;
  }
  window_ = directory_.share(segment.name, wanted, false);
  window_range_ = wanted;
  window_segment_ = &segment;
}

void BufferJournal::start_next_segment() { start(); }

void BufferJournal::start() {
  BufferSegmentHeader next = header_;
  ++next.number;
  next.nonce = random_u64();
  next.previous_end = end_;
  Segment& segment = segment_of(next.number);
  // By a system call, which a kill does not cut in two.
  segment.file->write_at(0, encode_buffer_segment_header(next));
  if (settings_.synced) segment.file->sync();
  header_ = next;
  last_ = end_ = buffer_segment_header_size;
  durable_ = settings_.synced ? end_ : 0;
}

void BufferJournal::remove() {
  window_.reset();
  for (Segment& segment : segments_) {
    segment.file.reset();
    directory_.remove(segment.name);
  }
}

}  // namespace accrete
