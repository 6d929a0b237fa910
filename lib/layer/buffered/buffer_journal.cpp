#include "layer/buffered/buffer_journal.hpp"

#include <accrete/error.hpp>
#include <algorithm>

#include "base/bytes.hpp"
#include "base/entries.hpp"
#include "base/filled_string.hpp"
#include "base/hash.hpp"
#include "base/record.hpp"
#include "dataset/names.hpp"
#include "dataset/sync_or_note.hpp"
#include "os/system.hpp"

namespace accrete {
namespace {

constexpr std::string_view magic = "ACCRBUFJ";
constexpr std::uint32_t version = 2;

constexpr std::uint32_t synced_flag = 1;
constexpr std::uint32_t closed_flag = 2;

constexpr char batches_kind = 1;
constexpr char step_kind = 2;
constexpr char placed_batches_kind = 3;
constexpr char ended_kind = 4;
constexpr std::uint8_t has_id = 1;
constexpr std::uint8_t has_session = 2;

constexpr std::size_t kind_offset = record_header_size;
constexpr std::size_t batch_count_offset = kind_offset + 1;

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
  throw CorruptionError(
      "a record of a buffer's journal is whole, but holds neither batches nor a step, nor what has ended");
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

/// There is at least one, and each is of an entry after that of the one before.
void read_places(ByteReader& reader, BufferPayload& payload) {
  std::size_t entries = 0;
  for (const std::vector<Entry>& batch : payload.entries) entries += batch.size();
  const std::size_t count = reader.integer<std::uint32_t>();
  if (count == 0 || count > entries) throw_not_a_payload();
  for (std::size_t i = 0; i < count; ++i) {
    const BufferPlace place{.entry = reader.integer<std::uint32_t>(),
                            .stored = reader.integer<std::uint64_t>(),
                            .after = reader.integer<std::uint64_t>()};
    const bool is_in_order = i == 0 || place.entry > payload.places.back().entry;
    if (!is_in_order || place.entry >= entries) throw_not_a_payload();
    payload.places.push_back(place);
  }
}

BufferStep read_step(ByteReader& reader) {
  BufferStep step;
  const auto kind = reader.integer<std::uint8_t>();
  if (kind < 1 || kind > 4) throw_not_a_payload();
  step.kind = static_cast<BufferStep::Kind>(kind);
  step.number = reader.integer<std::uint64_t>();
  if (step.kind != BufferStep::Kind::erase) return step;
  step.key = reader.bytes(reader.integer<std::uint16_t>());
  if (step.key.empty() || step.key.size() > max_key_size) throw_not_a_payload();
  return step;
}

std::vector<BatchId> read_ended(ByteReader& reader) {
  constexpr std::size_t id_size = 16 + 8;
  const std::size_t count = reader.integer<std::uint32_t>();
  if (count == 0 || count > reader.left() / id_size) throw_not_a_payload();
  std::vector<BatchId> ended(count);
  for (BatchId& id : ended) id = read_id(reader);
  return ended;
}

std::string encode_header(const BufferSegmentHeader& header) {
  std::string bytes(magic);
  append_le(bytes, version);
  append_le(bytes, (header.synced ? synced_flag : 0) | (header.closed ? closed_flag : 0));
  bytes += as_string_view(header.journal);
  append_le(bytes, header.number);
  append_le(bytes, header.nonce);
  append_le(bytes, header.previous_end);
  append_le(bytes, hash64(bytes));
  return bytes;
}

struct FoundHeader {
  std::optional<BufferSegmentHeader> header{};
  std::uint32_t other_version = 0;
};

FoundHeader decode_header(std::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.bytes(magic.size()) != magic) return {};
  const auto found_version = reader.integer<std::uint32_t>();
  if (reader.ok() && found_version != version) return {.other_version = found_version};
  const auto flags = reader.integer<std::uint32_t>();
  BufferSegmentHeader header{.synced = (flags & synced_flag) != 0, .closed = (flags & closed_flag) != 0};
  header.journal = read_array<16>(reader);
  header.number = reader.integer<std::uint64_t>();
  header.nonce = reader.integer<std::uint64_t>();
  header.previous_end = reader.integer<std::uint64_t>();
  const auto checksum = reader.integer<std::uint64_t>();
  if (!reader.ok() || checksum != hash64(bytes.substr(0, buffer_segment_header_size - 8))) return {};
  return {.header = header};
}

/// nullopt if there is no file, or nothing can be read of its front.
std::optional<BufferSegmentHeader> try_load_header(Directory& directory, const char* name) {
  const std::unique_ptr<File> file = directory.try_open(name, OpenMode::read);
  if (!file) return std::nullopt;
  return decode_buffer_segment_front(
      filled_string(buffer_segment_front_size, [&](std::span<char> to) { return file->read_at(0, to); }));
}

}  // namespace

std::string encode_buffer_segment_front(const BufferSegmentHeader& header) {
  std::string front = encode_header(header);
  front.resize(buffer_second_header_offset, '\0');
  front += encode_header(header);
  front.resize(buffer_segment_front_size, '\0');
  return front;
}

std::optional<BufferSegmentHeader> decode_buffer_segment_front(std::string_view bytes) {
  const FoundHeader first = decode_header(bytes);
  if (first.header) return first.header;
  const FoundHeader second = bytes.size() < buffer_second_header_offset
                                 ? FoundHeader{}
                                 : decode_header(bytes.substr(buffer_second_header_offset));
  if (second.header) return second.header;
  if (first.other_version != 0 && first.other_version == second.other_version) {
    throw UnsupportedError("the journal of a buffer has format version " + std::to_string(first.other_version) +
                           "; this version of accrete knows " + std::to_string(version) +
                           ": open the dataset once with the version that wrote it");
  }
  return std::nullopt;
}

BufferBatches::BufferBatches(std::string& record) : record_(record) {
  record_.assign(record_header_size, '\0');
  record_ += batches_kind;
  append_le(record_, count_);
}

void BufferBatches::add(const BufferedBatch& batch) {
  record_ += static_cast<char>((batch.id ? has_id : 0) | (batch.session ? has_session : 0));
  if (batch.id) append_id(record_, *batch.id);
  if (batch.session) append_id(record_, *batch.session);
  if (batch.encoded.empty()) {
    encode_entries(batch.entries, record_);
  } else {
    record_ += batch.encoded;
  }
  ++count_;
  store_le(std::as_writable_bytes(std::span{record_}).subspan(batch_count_offset).first<4>(), count_);
}

void BufferBatches::add_places(std::span<const BufferPlace> places) {
  if (places.empty()) return;
  record_[kind_offset] = placed_batches_kind;
  append_le(record_, static_cast<std::uint32_t>(places.size()));
  for (const BufferPlace& place : places) {
    append_le(record_, place.entry);
    append_le(record_, place.stored);
    append_le(record_, place.after);
  }
}

void encode_buffer_step(const BufferStep& step, std::string& record) {
  record.assign(record_header_size, '\0');
  record += step_kind;
  record += static_cast<char>(step.kind);
  append_le(record, step.number);
  if (step.kind != BufferStep::Kind::erase) return;
  append_le(record, static_cast<std::uint16_t>(step.key.size()));
  record += step.key;
}

void encode_ended_writers(std::span<const BatchId> ended, std::string& record) {
  record.assign(record_header_size, '\0');
  record += ended_kind;
  append_le(record, static_cast<std::uint32_t>(ended.size()));
  for (const BatchId& id : ended) append_id(record, id);
}

BufferPayload decode_buffer_payload(std::string_view payload) {
  ByteReader reader(payload);
  BufferPayload decoded;
  const auto kind = static_cast<char>(reader.integer<std::uint8_t>());
  switch (kind) {
    case batches_kind:
    case placed_batches_kind:
      read_batches(reader, decoded);
      if (kind == placed_batches_kind) read_places(reader, decoded);
      break;
    case step_kind:
      decoded.step = read_step(reader);
      break;
    case ended_kind:
      decoded.ended = read_ended(reader);
      break;
    default:
      throw_not_a_payload();
  }
  if (!reader.ok() || !reader.at_end()) throw_not_a_payload();
  return decoded;
}

BufferJournal::BufferJournal(Directory& directory, const Settings& settings)
    : directory_(directory), settings_(settings) {
  header_ = {.synced = settings.synced, .closed = true, .journal = random_uuid()};
  BufferSegmentHeader next = header_;
  ++next.number;
  for (BufferSegmentHeader* const header : {&header_, &next}) {
    header->nonce = random_u64();
    header->previous_end = header == &next ? buffer_segment_front_size : 0;
    create(*header);
  }
  if (settings_.synced) sync_or_note(directory_, settings_.note_failed_sync);
  for (BufferSegmentHeader* const header : {&next, &header_}) {
    header->closed = false;
    Segment& segment = segment_of(header->number);
    segment.file->write_at(0, encode_buffer_segment_front(*header));
    // Whatever is to be synced later: power loss soon after must not leave a dataset that seems to have lost a journal.
    sync_or_note(*segment.file, settings_.note_failed_sync);
  }
  sync_or_note(directory_, settings_.note_failed_sync);
  previous_ = header_;
  header_ = next;
  last_ = end_ = buffer_segment_front_size;
  durable_ = settings_.synced ? end_ : 0;
  if (settings_.segment_bytes == 0) return;
  try {
    make_room(segment_of(header_.number), end_ + buffer_step_reserve);
  } catch (const DiskFullError&) {
    // Who opens a dataset on a full disk may find room elsewhere.
  }
}

void BufferJournal::create(const BufferSegmentHeader& header) {
  const std::size_t at = header.number % segments_.size();
  Segment& segment = segments_[at];
  segment.name = buffer_journal_names[at];
  segment.file = directory_.try_open(segment.name, OpenMode::write);
  if (!segment.file) segment.file = directory_.open(segment.name, OpenMode::create);
  segment.file->truncate(0);
  segment.file->write_at(0, encode_buffer_segment_front(header));
  if (settings_.synced) sync_or_note(*segment.file, settings_.note_failed_sync);
  segment.size = buffer_segment_front_size;
  segment.allocated = 0;
}

bool BufferJournal::fits(std::uint64_t payload_size) const noexcept {
  return end_ == buffer_segment_front_size || end_ + record_size(payload_size) <= settings_.segment_bytes;
}

void BufferJournal::append(std::string& record) {
  if (settings_.synced) settings_.check_no_sync_failed();
  append(record, Reserve{}, settings_.synced);
}

void BufferJournal::append_step(const BufferStep& step) {
  if (settings_.synced) settings_.check_no_sync_failed();
  append_step(step, settings_.synced);
}

void BufferJournal::append_unsynced_step(const BufferStep& step) { append_step(step, false); }

void BufferJournal::append_step(const BufferStep& step, bool synced) {
  std::string record;
  encode_buffer_step(step, record);
  append(record, {.needed = is_outcome(step) ? 0 : buffer_outcome_size}, synced);
}

void BufferJournal::append(std::string& record, const Reserve& reserve, bool synced) {
  if (must_restore_front_) restore_front();
  seal_record(record, header_.nonce, end_, durable_);
  last_ = end_;
  try {
    write_keeping(reserve, record);
    if (synced) sync_or_note(*segment_of(header_.number).file, settings_.note_failed_sync);
  } catch (...) {
    take_back();
    throw;
  }
  end_ += record.size();
  if (synced) durable_ = end_;
}

/// It may be there in whole. The next record takes its place; if there is none, it must not count.
void BufferJournal::take_back() {
  end_ = last_;
  try {
    write(std::string(record_header_size, '\0'), 0);
  } catch (const Error&) {
    // What could not be written over could not be written either, as a rule.
  }
}

void BufferJournal::write_keeping(const Reserve& reserve, std::string_view record) {
  try {
    write(record, reserve.wanted);
  } catch (const DiskFullError&) {
    if (reserve.needed == reserve.wanted) throw;
    write(record, reserve.needed);
  }
}

/// At the end, and keeps as much room after it.
void BufferJournal::write(std::string_view bytes, std::uint64_t reserve) {
  Segment& segment = segment_of(header_.number);
  const std::uint64_t end = end_ + bytes.size();
  if (settings_.synced || bytes.size() >= large_write) {
    make_room(segment, end + reserve);
    segment.file->write_at(end_, bytes);
    return;
  }
  const bool is_inside =
      window_segment_ == &segment && end_ >= window_range_.offset && end <= window_range_.offset + window_range_.size;
  if (!is_inside || end + reserve > segment.allocated) {
    move_window(segment, {.offset = end_, .size = bytes.size()}, reserve);
  }
  window_->write(end_ - window_range_.offset, as_byte_span(bytes));
}

/// To where `range` is to be written. A window instead of the whole segment, so that the process does not seem to have
/// that in its memory; small at first, since its blocks are allocated and many buffers never hold much.
void BufferJournal::move_window(Segment& segment, const ByteRange& range, std::uint64_t reserve) {
  constexpr std::uint64_t max_size = std::uint64_t{2} << 20;  // unless a record is larger
  ByteRange wanted{.offset = range.offset / buffer_segment_unit * buffer_segment_unit};
  const std::uint64_t usual = std::clamp(wanted.offset, buffer_segment_unit, max_size);
  const std::uint64_t left = settings_.segment_bytes - std::min(settings_.segment_bytes, wanted.offset);
  const std::uint64_t needed = in_whole_units(range.offset + range.size + reserve) - wanted.offset;
  wanted.size = std::max(needed, std::min(left, usual));
  try {
    make_room(segment, wanted.offset + wanted.size);
  } catch (const DiskFullError&) {
    wanted.size = needed;
    make_room(segment, wanted.offset + wanted.size);
  }
  window_ = directory_.share(segment.name, wanted, false);
  window_range_ = wanted;
  window_segment_ = &segment;
}

void BufferJournal::make_room(Segment& segment, std::uint64_t end) {
  if (end <= segment.allocated) return;
  const std::uint64_t size = in_whole_units(end);
  // First, since what cannot allocate all may leave a file of any size.
  if (size > segment.size) {
    segment.file->truncate(size);
    segment.size = size;
  }
  segment.file->allocate({.offset = segment.allocated, .size = size - segment.allocated});
  segment.allocated = size;
}

void BufferJournal::start_next_segment() {
  if (settings_.synced) settings_.check_no_sync_failed();
  BufferSegmentHeader next = header_;
  ++next.number;
  next.nonce = random_u64();
  next.previous_end = end_;
  Segment& segment = segment_of(next.number);
  if (settings_.segment_bytes > 0) make_room(segment, buffer_segment_front_size + buffer_step_reserve);
  must_restore_front_ = true;  // whatever a write that fails leaves
  // By a system call, which a kill does not cut in two.
  segment.file->write_at(0, encode_buffer_segment_front(next));
  if (settings_.synced) sync_or_note(*segment.file, settings_.note_failed_sync);
  must_restore_front_ = false;
  previous_ = header_;
  header_ = next;
  last_ = end_ = buffer_segment_front_size;
  durable_ = settings_.synced ? end_ : 0;
}

/// The next segment must not seem to have been begun while this one goes on: what is appended would be taken for
/// damage.
void BufferJournal::restore_front() {
  segment_of(header_.number + 1).file->write_at(0, encode_buffer_segment_front(previous_));
  must_restore_front_ = false;
}

bool has_open_buffer_journal(Directory& directory) {
  // Segment 0 never has a record. Whoever was stopped in beginning the journal may have left one without the other.
  const auto may_hold_records = [&](const char* name, const BufferSegmentHeader& header) {
    return header.number > 1 || (header.number == 1 && directory.info(name)->size > buffer_segment_front_size);
  };
  bool is_open = false;
  for (const char* const name : buffer_journal_names) {
    const std::optional<BufferSegmentHeader> header = try_load_header(directory, name);
    if (header && header->closed) return false;
    is_open = is_open || (header && may_hold_records(name, *header));
  }
  return is_open;
}

void close_buffer_journal(Directory& directory, const std::function<void()>& note_failed_sync) {
  for (const char* const name : buffer_journal_names) {
    std::optional<BufferSegmentHeader> header = try_load_header(directory, name);
    if (!header) continue;
    header->closed = true;
    const std::unique_ptr<File> file = directory.open(name, OpenMode::write);
    file->write_at(0, encode_buffer_segment_front(*header));
    file->truncate(buffer_segment_front_size);  // so that there is little to sync
    sync_or_note(*file, note_failed_sync);
  }
}

void remove_buffer_journal(Directory& directory) {
  for (const char* const name : buffer_journal_names) {
    if (directory.info(name)) directory.remove(name);
  }
}

}  // namespace accrete
