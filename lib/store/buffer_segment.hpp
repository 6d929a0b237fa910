// Reading a segment of a buffer's journal: its whole records, and what is wrong with the others.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/record.hpp"
#include "os/env.hpp"
#include "store/buffer_journal.hpp"

namespace accrete {

/// What to do about a damaged record that has whole ones behind it.
enum class Damage { refuse, skip };

class BufferSegment {
 public:
  /// nullptr if the file is missing or nothing has been written to it. Throws CorruptionError if it holds no segment.
  [[nodiscard]] static std::unique_ptr<BufferSegment> try_open(Directory& directory, const char* name);

  [[nodiscard]] const BufferSegmentHeader& header() const noexcept { return header_; }

  struct Record {
    std::uint64_t offset = 0;
    std::string payload;
  };
  /// The next whole record; nullopt at the end, where a torn tail is passed over. `boot_id` is that of now: after
  /// another boot, power may have been lost. Throws CorruptionError for damage, unless it is to be skipped.
  [[nodiscard]] std::optional<Record> next(const BootId& boot_id, Damage damage);

  /// Where what `next` has returned ends.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

  void rewind() noexcept { offset_ = buffer_segment_header_size; }

  /// How many stretches of damage `next` has skipped since the segment was opened.
  [[nodiscard]] std::uint64_t skipped() const noexcept { return skipped_; }

 private:
  BufferSegment(std::string path, std::unique_ptr<File> file, const BufferSegmentHeader& header);

  [[nodiscard]] std::optional<RecordHeader> header_at(std::uint64_t offset);
  [[nodiscard]] std::optional<std::string> try_load(std::uint64_t offset, const RecordHeader& header);
  /// Valid until the next call. Fewer at the end of the file.
  [[nodiscard]] std::string_view bytes_at(std::uint64_t offset, std::uint64_t size);
  struct Found {
    std::uint64_t offset = 0;
    std::uint64_t durable = 0;
  };
  [[nodiscard]] std::optional<Found> find_whole_record(std::uint64_t from);

  std::string path_;
  std::unique_ptr<File> file_;
  BufferSegmentHeader header_;
  std::uint64_t file_size_ = 0;
  std::uint64_t offset_ = buffer_segment_header_size;
  std::uint64_t skipped_ = 0;
  std::string window_;  // of the file, from window_offset_
  std::uint64_t window_offset_ = 0;
};

}  // namespace accrete
