#include "layer/buffered/buffer_segment.hpp"

#include <algorithm>

#include "base/filled_string.hpp"
#include "base/zeros.hpp"

namespace accrete {
namespace {

/// Read at once: records are small, as a rule.
constexpr std::uint64_t window_bytes = std::uint64_t{1} << 20;
/// Passed over at once where nothing was ever written.
constexpr std::uint64_t zeros_bytes = 4096;
static_assert(window_bytes % zeros_bytes == 0 && zeros_bytes % record_alignment == 0);

std::string read_up_to(const File& file, std::uint64_t offset, std::uint64_t size) {
  return filled_string(size, [&](std::span<char> to) { return file.read_at(offset, to); });
}

}  // namespace

BufferSegment::BufferSegment(std::string name, std::unique_ptr<File> file, const BufferSegmentHeader& header)
    : name_(std::move(name)), file_(std::move(file)), header_(header), file_size_(file_->size()) {}

std::unique_ptr<BufferSegment> BufferSegment::try_open(Directory& directory, const char* name) {
  std::unique_ptr<File> file = directory.try_open(name, OpenMode::read);
  if (!file) return nullptr;
  const auto header = decode_buffer_segment_front(read_up_to(*file, 0, buffer_segment_front_size));
  if (!header) return nullptr;
  return std::unique_ptr<BufferSegment>(new BufferSegment(name, std::move(file), *header));
}

void BufferSegment::rewind() noexcept {
  offset_ = buffer_segment_front_size;
  damage_.clear();
}

std::optional<BufferSegment::Record> BufferSegment::next() {
  if (std::optional<Record> record = try_load_next()) return record;
  const std::optional<Found> after = find_whole_record(offset_ + record_alignment);
  // Of what is synced record by record, power loss may take what was being written, but nothing before it.
  if (!after || (header_.synced && after->durable <= offset_)) return std::nullopt;
  damage_.push_back(name_ + " is damaged between its bytes " + std::to_string(offset_) + " and " +
                    std::to_string(after->offset));
  offset_ = after->offset;
  std::optional<Record> record = try_load_next();
  if (record) record->is_after_damage = true;
  return record;
}

std::optional<BufferSegment::Record> BufferSegment::try_load_next() {
  const std::optional<RecordHeader> header = header_at(offset_);
  if (!header) return std::nullopt;
  std::optional<std::string> payload = try_load(offset_, *header);
  if (!payload) return std::nullopt;
  Record record{.offset = offset_, .payload = *std::move(payload)};
  offset_ += record_size(record.payload.size());
  return record;
}

std::optional<RecordHeader> BufferSegment::header_at(std::uint64_t offset) {
  return try_decode_record_header(bytes_at(offset, record_header_size), header_.nonce, offset);
}

std::optional<std::string> BufferSegment::try_load(std::uint64_t offset, const RecordHeader& header) {
  if (offset > file_size_ || header.size > file_size_ - offset) return std::nullopt;
  const std::string_view payload = bytes_at(offset + record_header_size, header.size);
  if (!is_whole(header, payload, header_.nonce, offset)) return std::nullopt;
  return std::string(payload);
}

std::string_view BufferSegment::bytes_at(std::uint64_t offset, std::uint64_t size) {
  const bool is_inside = offset >= window_offset_ && offset - window_offset_ <= window_.size() &&
                         size <= window_.size() - (offset - window_offset_);
  if (!is_inside) {
    const std::uint64_t left = file_size_ - std::min(offset, file_size_);
    window_ = read_up_to(*file_, offset, std::min(std::max(size, window_bytes), left));
    window_offset_ = offset;
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

std::optional<BufferSegment::Found> BufferSegment::find_whole_record(std::uint64_t from) {
  while (from < file_size_) {
    const std::string bytes = read_up_to(*file_, from, std::min(window_bytes + record_header_size, file_size_ - from));
    const std::string_view window = bytes;
    for (std::uint64_t at = 0; at < window_bytes && at + record_header_size <= window.size();) {
      if (at % zeros_bytes == 0 && is_zero(window.substr(at, zeros_bytes + record_header_size))) {
        at += zeros_bytes;
        continue;
      }
      const std::uint64_t offset = from + at;
      const auto header = try_decode_record_header(window.substr(at), header_.nonce, offset);
      if (header && try_load(offset, *header)) return Found{.offset = offset, .durable = header->durable};
      at += record_alignment;
    }
    from += window_bytes;
  }
  return std::nullopt;
}

}  // namespace accrete
