// The journal of a buffer, `.buffer-0` and `.buffer-1`: what makes appends that are gathered in memory survive the
// death of the process, or power loss.
//
//   segment = header *record *OCTET                                  ; records: base/record.hpp
//   header  = magic:8 version:u32 synced:u32 journal:16 boot_id:16 number:u64 nonce:u64 previous_end:u64 checksum:u64
//   payload = batches / step
//   batches = %x01 count:u32 count*batch
//   batch   = ids:u8 [id] [session] entries                          ; ids: 1 an id, 2 a session; base/entries.hpp
//   id      = writer:16 sequence:u64
//   session = writer:16 sequence:u64
//   step    = %x02 kind:u8 number:u64 applied:u64 count:u32 count*key
//   kind    = %x01 / %x02 / %x03                                     ; flush / erase / drop
//   key     = size:u16 bytes
//
// All integers are little-endian; the header's checksum is the XXH3-64 of the 72 bytes before it. The two segments take
// turns: each start of one has a higher number and another nonce, and overwrites what was there, once all its
// entries have been handed down. It says where the records of the other one end.
//
// A step says what is about to be done to the dataset: the entries of its keys that stand before it are handed down (a
// flush), or are gone with the key (an erase) or with all keys (a drop; it names none). When it has been done, the
// dataset's table of writers holds its number as the last sequence of the writer `journal`. `applied` is the number of
// the last one that was done before: a step between `applied` and `number` has failed and does not count. Numbers of
// steps follow each other without a gap. So replaying
// knows of each entry whether it is in the dataset already, whenever the process was killed. A replay that is itself
// killed goes on where it was: it takes the journal's order, and the writer `replay_writer(journal)` has the position
// up to which it came.
//
// After another boot, unless appends were synced, the journal counts for nothing: power loss may have taken a step out
// of it and left what the step had handed down, which would then be doubled.
//
// Where batches need not be synced, small records are written through a mapping of the page cache, which outlives the
// process as well as what is written by a system call does, and costs none. A segment is then longer than what was
// written to it, and ends with zeros.
#pragma once

#include <accrete/store.hpp>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/env.hpp"

namespace accrete {

inline constexpr std::array<const char*, 2> buffer_journal_names = {".buffer-0", ".buffer-1"};
inline constexpr std::size_t buffer_segment_header_size = 8 + 4 + 4 + 16 + 16 + 8 + 8 + 8 + 8;

struct BufferSegmentHeader {
  bool synced = false;  ///< batches survive power loss before they are acknowledged
  WriterId journal{};
  BootId boot_id{};
  std::uint64_t number = 0;
  std::uint64_t nonce = 0;
  std::uint64_t previous_end = 0;  ///< of the records in the segment before it; 0 if it is the first
};

[[nodiscard]] std::string encode_buffer_segment_header(const BufferSegmentHeader& header);
/// nullopt if it is none, or damaged. Throws UnsupportedError for another version.
[[nodiscard]] std::optional<BufferSegmentHeader> decode_buffer_segment_header(std::string_view bytes);

struct BufferedBatch {
  std::optional<BatchId> id{};
  std::optional<BatchId> session{};
  std::span<const Entry> entries{};
};

struct BufferStep {
  enum class Kind : std::uint8_t { flush = 1, erase = 2, drop = 3 };
  Kind kind = Kind::flush;
  std::uint64_t number = 0;
  std::uint64_t applied = 0;
  std::vector<std::string_view> keys{};
};

/// Builds the payload of a record in `record`, behind room for its header.
class BufferBatches {
 public:
  explicit BufferBatches(std::string& record);
  void add(const BufferedBatch& batch);
  /// Of a batch within the record.
  [[nodiscard]] static std::uint64_t size_of(std::span<const Entry> entries) noexcept;

 private:
  std::string& record_;
  std::uint32_t count_ = 0;
};

void encode_buffer_step(const BufferStep& step, std::string& record);

/// What is in a payload: batches, or a step. Views point into it.
struct BufferPayload {
  std::vector<BufferedBatch> batches{};
  std::vector<std::vector<Entry>> entries{};  ///< of the batches
  std::optional<BufferStep> step{};
};
/// Throws CorruptionError.
[[nodiscard]] BufferPayload decode_buffer_payload(std::string_view payload);

/// Writes the journal. For one thread at a time.
class BufferJournal {
 public:
  struct Settings {
    WriterId journal{};
    BootId boot_id{};
    bool synced = false;
    std::uint64_t segment_bytes = 0;  ///< of batches; steps may go beyond
    std::uint64_t first_number = 1;   ///< of a segment: above those of all earlier journals with this id
  };

  /// Starts the first segment. What the files held must have been replayed.
  BufferJournal(Directory& directory, const Settings& settings);

  /// Whether a record of batches fits the segment; otherwise the other one must be started.
  [[nodiscard]] bool fits(std::uint64_t payload_size) const noexcept;

  /// Seals and writes a record, and syncs it where batches are to be synced. When it throws, no record was written.
  void append(std::string& record);

  /// The record that was appended last does not count.
  void take_back();

  /// Starts the other segment, whose entries must all have been handed down.
  void start_next_segment();

  /// Rises by one with each start of a segment.
  [[nodiscard]] std::uint64_t segment() const noexcept { return header_.number; }

  /// Removes the files: all entries have been handed down.
  void remove();

 private:
  struct Segment {
    std::string name{};
    std::unique_ptr<File> file{};
    std::uint64_t size = 0;  // of the file
  };

  Segment& segment_of(std::uint64_t number) noexcept { return segments_[number % segments_.size()]; }
  void write(Segment& segment, std::uint64_t offset, std::string_view bytes);
  void move_window(Segment& segment, const ByteRange& range);
  void start();

  Directory& directory_;
  const Settings settings_;
  BufferSegmentHeader header_;
  std::array<Segment, 2> segments_;
  // For small records, where batches need not be synced: a stretch of a segment that is shared.
  std::unique_ptr<SharedBytes> window_;
  const Segment* window_segment_ = nullptr;
  ByteRange window_range_;
  std::uint64_t last_ = 0;  // where the last record begins
  std::uint64_t end_ = 0;
  std::uint64_t durable_ = 0;
};

/// Whether a dataset holds a file of such a journal.
[[nodiscard]] bool has_buffer_journal(const Directory& directory);

/// The one journal that a dataset has at a time keeps its id, so that it takes one place in the table of writers.
[[nodiscard]] WriterId buffer_journal_id(std::string_view dataset_uuid) noexcept;

/// Where a record stands, as the sequence of the replay that has come so far.
[[nodiscard]] constexpr std::uint64_t replay_position(std::uint64_t segment, std::uint64_t offset) noexcept {
  return segment << 40 | offset;
}
[[nodiscard]] constexpr std::uint64_t replayed_segment(std::uint64_t position) noexcept { return position >> 40; }

/// The writer under which a replay of this journal keeps how far it came.
[[nodiscard]] WriterId replay_writer(const WriterId& journal) noexcept;

}  // namespace accrete
