// Reading a segment of a buffer's journal: its whole records, and what is wrong with the others.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/record.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "os/env.hpp"

namespace accrete {

class BufferSegment {
 public:
  /// nullptr if the file is missing, or has no whole front.
  [[nodiscard]] static std::unique_ptr<BufferSegment> try_open(Directory& directory, const char* name);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const BufferSegmentHeader& header() const noexcept { return header_; }

  /// Neither a segment without records nor one with them has this size.
  [[nodiscard]] bool is_cut_off() const noexcept {
    return file_size_ != buffer_segment_front_size && file_size_ % buffer_segment_unit != 0;
  }

  struct Record {
    std::uint64_t offset = 0;
    std::string payload{};
    bool is_after_damage = false;  ///< what stood before it is gone
  };
  /// The next whole record; nullopt at the end, where a torn tail is passed over.
  [[nodiscard]] std::optional<Record> next();

  /// Where what `next` has returned ends.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

  void rewind() noexcept;

  void sync() { file_->sync(); }

  /// The stretches of damage that `next` has passed over since the beginning, each in words.
  [[nodiscard]] const std::vector<std::string>& damage() const noexcept { return damage_; }

 private:
  BufferSegment(std::string name, std::unique_ptr<File> file, const BufferSegmentHeader& header);

  [[nodiscard]] std::optional<Record> try_load_next();
  [[nodiscard]] std::optional<RecordHeader> header_at(std::uint64_t offset);
  [[nodiscard]] std::optional<std::string> try_load(std::uint64_t offset, const RecordHeader& header);
  /// Valid until the next call. Fewer at the end of the file.
  [[nodiscard]] std::string_view bytes_at(std::uint64_t offset, std::uint64_t size);
  struct Found {
    std::uint64_t offset = 0;
    std::uint64_t durable = 0;
  };
  [[nodiscard]] std::optional<Found> find_whole_record(std::uint64_t from);

  std::string name_;
  std::unique_ptr<File> file_;
  BufferSegmentHeader header_;
  std::uint64_t file_size_ = 0;
  std::uint64_t offset_ = buffer_segment_front_size;
  std::vector<std::string> damage_;
  std::string window_;  // of the file, from window_offset_
  std::uint64_t window_offset_ = 0;
};

}  // namespace accrete
