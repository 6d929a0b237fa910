// The journal of a buffer, `.buffer-0` and `.buffer-1`: what makes appends that are gathered in memory survive the
// death of the process, or power loss.
//
//   segment = front *record *OCTET                                   ; records: base/record.hpp
//   front   = header *0 header *0                                    ; at 0 and at 512, up to 1024
//   header  = magic:8 version:u32 flags:u32 journal:16 number:u64 nonce:u64 previous_end:u64 checksum:u64
//   flags   = %x01 synced / %x02 closed, added
//   payload = %x01 batches / %x02 step / %x03 batches places / %x04 ended
//   batches = count:u32 count*batch
//   batch   = ids:u8 [id] [session] entries                          ; ids: 1 an id, 2 a session; base/entries.hpp
//   id      = writer:16 sequence:u64
//   session = writer:16 sequence:u64
//   places  = count:u32 count*place                                  ; in the order of their entries
//   place   = entry:u32 stored:u64 after:u64                         ; which entry, of those of all batches, from 0 on
//   step    = kind:u8 number:u64 [key]
//   kind    = %x01 key / %x02 / %x03 / %x04                          ; erase / drop / it was done / it was not
//   key     = size:u16 bytes
//   ended   = count:u32 count*id                                     ; at least one; the last of each writer
//
// All integers are little-endian; the header's checksum is the XXH3-64 of the bytes before it. There are two headers so
// that damage to one does not take the nonce away, without which no record can be told. The two segments take turns:
// each start of one has a number higher by one and another nonce, and overwrites what was there, once all its entries
// have been handed down, be the other one full or not. It says where the records of the other one end. `journal` is
// random: segments that differ in it do not belong together.
//
// The first entry of a key within a segment, and the first one after anything else has changed the key's value, has a
// place: where in the value the entry begins. That is so many decoded bytes after the first `stored` bytes of the
// value's file; in a dataset without a codec, `stored` is 0 and `after` an offset. Every other entry of the key stands
// after the one before. So a replay learns by comparing with the value what of an entry is there already, whenever the
// process was killed, on whichever machine, and whether power was lost: it neither loses nor doubles anything, and
// where value and journal do not fit together it knows that. It may be killed itself and begun again.
//
// A step says that an erase or a drop is about to be done, and, with the same number, what has become of it; nothing is
// appended in between. Entries that stand before one that was done are gone. One of which nothing is said is to be done
// again.
//
// What is ended stands there before the store below forgets it, with the last sequence of its writer. A replay forgets
// what stands before it of that writer, and has the store below forget it, too, unless that knows of a later batch.
//
// After a sync of the journal that failed, nothing synced is written to it any more: what that was to write may not be
// on the disk though a later sync returns, and what stands after it would be lost with it.
//
// Both segments are closed before the first and after the last entry: once one of them is, nothing is to be handed
// down. The first record stands in segment 1: before it is written, both are open and synced.
//
// Where batches need not be synced, small records are written through a mapping of the page cache, which outlives the
// process as well as what is written by a system call does, and costs none.
//
// Before a record is written that would end after the end of the file, the file is made longer, to the next multiple
// of 64 KiB: it ends with zeros. A segment of another size, which has more than its front, has been cut off, as by a
// copy to a full disk. The disk keeps that room, and after a record of batches 16 KiB more, so that something can be
// removed once it is full.
#pragma once

#include <accrete/store.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/record.hpp"
#include "os/env.hpp"

namespace accrete {

inline constexpr std::size_t buffer_segment_header_size = 8 + 4 + 4 + 16 + 8 + 8 + 8 + 8;
inline constexpr std::size_t buffer_second_header_offset = 512;  // in another sector
inline constexpr std::size_t buffer_segment_front_size = 2 * buffer_second_header_offset;
static_assert(buffer_segment_header_size <= buffer_second_header_offset);

/// The size of a segment with records is a multiple of it.
inline constexpr std::uint64_t buffer_segment_unit = std::uint64_t{64} << 10;
[[nodiscard]] constexpr std::uint64_t in_whole_units(std::uint64_t size) noexcept {
  return (size + buffer_segment_unit - 1) / buffer_segment_unit * buffer_segment_unit;
}
/// What is kept free for steps.
inline constexpr std::uint64_t buffer_step_reserve = std::uint64_t{16} << 10;

struct BufferSegmentHeader {
  bool synced = false;  ///< batches survive power loss before they are acknowledged
  bool closed = false;  ///< nothing is to be handed down
  std::array<std::byte, 16> journal{};
  std::uint64_t number = 0;
  std::uint64_t nonce = 0;
  std::uint64_t previous_end = 0;  ///< of the records in the segment before it
};

[[nodiscard]] std::string encode_buffer_segment_front(const BufferSegmentHeader& header);
/// By whichever of the two headers is whole; nullopt if none is. Throws UnsupportedError for another version.
[[nodiscard]] std::optional<BufferSegmentHeader> decode_buffer_segment_front(std::string_view bytes);

struct BufferedBatch {
  std::optional<BatchId> id{};
  std::optional<BatchId> session{};
  std::span<const Entry> entries{};
  std::string_view encoded{};  ///< to be written: the same, if they are encoded already
};

/// Where an entry begins: `after` decoded bytes after the first `stored` bytes of the value's file.
struct BufferPlace {
  std::uint32_t entry = 0;
  std::uint64_t stored = 0;
  std::uint64_t after = 0;
};
inline constexpr std::size_t buffer_place_size = 4 + 8 + 8;

struct BufferStep {
  enum class Kind : std::uint8_t { erase = 1, drop = 2, done = 3, not_done = 4 };
  Kind kind = Kind::erase;
  std::uint64_t number = 0;
  std::string_view key{};  ///< to be erased
};

/// Builds the payload of a record in `record`, after room for its header.
class BufferBatches {
 public:
  explicit BufferBatches(std::string& record);
  void add(const BufferedBatch& batch);
  /// Last, if there are any.
  void add_places(std::span<const BufferPlace> places);
  /// At most, of a batch within the record.
  [[nodiscard]] static std::uint64_t size_of(std::uint64_t encoded_entries) noexcept {
    constexpr std::uint64_t max_of_ids = 1 + 2 * (16 + 8);
    return max_of_ids + encoded_entries;
  }

 private:
  std::string& record_;
  std::uint32_t count_ = 0;
};

void encode_buffer_step(const BufferStep& step, std::string& record);

/// Whether it says what has become of another.
[[nodiscard]] constexpr bool is_outcome(const BufferStep& step) noexcept {
  return step.kind == BufferStep::Kind::done || step.kind == BufferStep::Kind::not_done;
}

/// Of the record that says it.
inline constexpr std::uint64_t buffer_outcome_size = record_size(1 + 1 + 8);

/// Of the last batch of each writer that will not come again.
void encode_ended_writers(std::span<const BatchId> ended, std::string& record);

/// What is in a payload: batches, a step, or the writers that have ended. Views point into it.
struct BufferPayload {
  std::vector<BufferedBatch> batches{};
  std::vector<std::vector<Entry>> entries{};  ///< of the batches
  std::vector<BufferPlace> places{};
  std::optional<BufferStep> step{};
  std::vector<BatchId> ended{};
};
/// Throws CorruptionError.
[[nodiscard]] BufferPayload decode_buffer_payload(std::string_view payload);

/// Writes the journal. For one thread at a time.
class BufferJournal {
 public:
  struct Settings {
    bool synced = false;
    std::uint64_t segment_bytes = 0;  ///< of batches; steps may go beyond. A multiple of buffer_segment_unit
    /// Called when a sync has failed.
    std::function<void()> note_failed_sync = [] {};
    /// Throws if one has, whoever's it was. Called before a record that is to be synced.
    std::function<void()> check_no_sync_failed = [] {};
  };

  /// Starts the first segment, whose number is 1. What the files held must have been replayed.
  BufferJournal(Directory& directory, const Settings& settings);

  /// Whether a record of batches fits the segment; otherwise the other one must be started.
  [[nodiscard]] bool fits(std::uint64_t payload_size) const noexcept;

  /// Seals and writes a record, and syncs it where batches are to be synced. When it throws, no record was written.
  void append(std::string& record);

  /// Room is kept for it: once a step is written, what becomes of it can be, too.
  void append_step(const BufferStep& step);
  /// Without a sync, also once one has failed: for what need not outlast power loss then.
  void append_unsynced_step(const BufferStep& step);

  /// The record that was appended last does not count.
  void take_back();

  /// Starts the other segment, whose entries must all have been handed down.
  void start_next_segment();

  /// Bytes of the segment that are not written yet.
  [[nodiscard]] std::uint64_t left_bytes() const noexcept {
    return settings_.segment_bytes - std::min(end_, settings_.segment_bytes);
  }

  /// Of its segment.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept { return end_; }

  /// Rises by one with each start of a segment.
  [[nodiscard]] std::uint64_t segment() const noexcept { return header_.number; }

 private:
  struct Segment {
    std::string name{};
    std::unique_ptr<File> file{};
    std::uint64_t size = 0;       // of the file
    std::uint64_t allocated = 0;  // of that, from its beginning on
  };

  Segment& segment_of(std::uint64_t number) noexcept { return segments_[number % segments_.size()]; }
  void create(const BufferSegmentHeader& header);
  /// How much room is to be kept after a record.
  struct Reserve {
    std::uint64_t wanted = buffer_step_reserve;
    std::uint64_t needed = buffer_step_reserve;  // if the disk is full
  };
  void append(std::string& record, const Reserve& reserve, bool synced);
  void append_step(const BufferStep& step, bool synced);
  void write_keeping(const Reserve& reserve, std::string_view record);
  void write(std::string_view bytes, std::uint64_t reserve);
  static void make_room(Segment& segment, std::uint64_t end);
  void restore_front();
  void move_window(Segment& segment, const ByteRange& range, std::uint64_t reserve);

  Directory& directory_;
  const Settings settings_;
  BufferSegmentHeader header_;
  BufferSegmentHeader previous_;     // of the other segment
  bool must_restore_front_ = false;  // there, since a start failed: before anything is appended
  std::array<Segment, 2> segments_;
  // For small records, where batches need not be synced: a stretch of a segment that is shared.
  std::unique_ptr<SharedBytes> window_;
  const Segment* window_segment_ = nullptr;
  ByteRange window_range_;
  std::uint64_t last_ = 0;  // where the last record begins
  std::uint64_t end_ = 0;
  std::uint64_t durable_ = 0;
};

/// Whether a dataset holds such a journal of which entries may have to be handed down.
[[nodiscard]] bool has_open_buffer_journal(Directory& directory);

/// All entries have been handed down. `remove_buffer_journal` then removes the files, once nobody looks for them.
/// `note_failed_sync` is called when a sync has failed.
void close_buffer_journal(Directory& directory, const std::function<void()>& note_failed_sync);
void remove_buffer_journal(Directory& directory);

}  // namespace accrete
