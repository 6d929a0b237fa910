#include "layer/buffered/buffer_records.hpp"

#include <accrete/error.hpp>
#include <algorithm>

#include "dataset/names.hpp"
#include "dataset/sync_or_note.hpp"

namespace accrete {
namespace {

/// The older one first.
std::vector<std::unique_ptr<BufferSegment>> open_segments(Directory& directory) {
  std::vector<std::unique_ptr<BufferSegment>> segments;
  for (const char* const name : buffer_journal_names) {
    if (auto segment = BufferSegment::try_open(directory, name)) segments.push_back(std::move(segment));
  }
  const auto is_older = [](const auto& left, const auto& right) {
    return left->header().number < right->header().number;
  };
  std::ranges::sort(segments, is_older);
  return segments;
}

}  // namespace

BufferRecords::BufferRecords(Directory& directory)
    : segments_(open_segments(directory)),
      is_closed_(std::ranges::any_of(segments_, [](const auto& segment) { return segment->header().closed; })) {
  if (!is_closed_) check_segments(directory);
}

/// From the moment on in which there is something to be handed down, there are two segments, one the other's next.
void BufferRecords::check_segments(const Directory& directory) {
  for (const char* const name : buffer_journal_names) {
    const std::optional<FileInfo> info = directory.info(name);
    if (!info) {
      damaged_segments_.push_back(std::string(name) + " is missing");
    } else if (info->size == 0) {
      damaged_segments_.push_back(std::string(name) + " is empty");
    } else if (std::ranges::none_of(segments_, [&](const auto& segment) { return segment->name() == name; })) {
      damaged_segments_.push_back(std::string(name) + " does not begin as a segment of it");
    }
  }
  for (const auto& segment : segments_) {
    if (segment->is_cut_off()) damaged_segments_.push_back(segment->name() + " is cut off: its end is missing");
  }
  if (segments_.size() < buffer_journal_names.size()) return;
  const BufferSegmentHeader& older = segments_[0]->header();
  const BufferSegmentHeader& newer = segments_[1]->header();
  if (older.journal == newer.journal && newer.number == older.number + 1) return;
  damaged_segments_.push_back(segments_[0]->name() + " and " + segments_[1]->name() + " do not belong together");
}

bool BufferRecords::is_synced() const noexcept {
  return std::ranges::any_of(segments_, [](const auto& segment) { return segment->header().synced; });
}

void BufferRecords::for_each(const std::function<void(Record&&)>& visit) {
  between_.clear();
  std::uint64_t number = 0;
  bool is_after_damage = false;
  for (const auto& segment : segments_) {
    segment->rewind();
    const bool is_second = segment != segments_.front();
    // Once the second one was begun, nothing was written to the first.
    if (is_second && segments_.front()->offset() != segment->header().previous_end) {
      between_.push_back("the records of " + segments_.front()->name() + " end at its byte " +
                         std::to_string(segments_.front()->offset()) + ", but ended at " +
                         std::to_string(segment->header().previous_end) + " when " + segment->name() + " was begun");
      is_after_damage = true;
    }
    while (std::optional<BufferSegment::Record> record = segment->next()) {
      is_after_damage = is_after_damage || record->is_after_damage;
      visit({.number = ++number, .payload = std::move(record->payload), .is_after_damage = is_after_damage});
      is_after_damage = false;
    }
  }
}

void BufferRecords::sync(const std::function<void()>& note_failed_sync) {
  if (!is_synced()) return;
  for (const auto& segment : segments_) sync_or_note(*segment, note_failed_sync);
}

std::vector<std::string> BufferRecords::damage() const {
  std::vector<std::string> all = damaged_segments_;
  for (const auto& segment : segments_) all.insert(all.end(), segment->damage().begin(), segment->damage().end());
  all.insert(all.end(), between_.begin(), between_.end());
  return all;
}

}  // namespace accrete
