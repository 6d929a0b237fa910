#include "layout/files/check_frames.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/zeros.hpp"
#include "codec/frame_decoder.hpp"
#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "dataset/sync_or_note.hpp"
#include "layout/files/linked_files.hpp"
#include "layout/files/value_files.hpp"

namespace accrete {
namespace {

/// The frames of a file, which is read in large pieces.
class FrameFile {
 public:
  FrameFile(const File& file, std::vector<char>& buffer) : file_(file), buffer_(buffer), size_(file.size()) {}

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// At least `min_size` bytes from `offset` on, unless the file ends before.
  [[nodiscard]] std::string_view bytes(std::uint64_t offset, std::size_t min_size) {
    const std::uint64_t end = std::min(offset + min_size, size_);
    if (offset < begin_ || end > begin_ + filled_) {
      begin_ = offset;
      filled_ = file_.read_at(offset, std::span(buffer_).first(std::max(min_size, read_ahead_)));
    }
    return std::string_view(buffer_.data(), filled_).substr(offset - begin_);
  }

  /// Throws CorruptionError for what is no frame, or not all of one.
  [[nodiscard]] Frame frame(const FramePlace& place) {
    const auto header = try_decode_frame_header(bytes(place.offset, frame_header_size), place);
    const std::size_t size = frame_header_size + (header ? header->encoded_size : 0);
    FrameCursor cursor(bytes(place.offset, size), place);
    if (const auto frame = cursor.next()) return *frame;
    throw_damaged_frame(place, "it is not there");
  }

  /// So much is read at once, if not more is asked for.
  void read_ahead(std::size_t size) noexcept { read_ahead_ = size; }

 private:
  const File& file_;
  std::vector<char>& buffer_;
  const std::uint64_t size_;
  std::uint64_t begin_ = 0;
  std::size_t filled_ = 0;
  std::size_t read_ahead_ = buffer_.size();
};

std::vector<char> frame_buffer() { return std::vector<char>(frame_header_size + max_frame_bytes); }

std::uint64_t size_of(const Frame& frame) { return frame_header_size + frame.header.encoded_size; }

struct ValueCheck {
  std::uint64_t size = 0;  // of the file
  std::uint64_t decoded_bytes = 0;
  std::vector<ByteRange> damaged{};  // in their order, neither empty nor touching each other
  std::string problem{};             // the first one
};

std::uint64_t total_size(const std::vector<ByteRange>& ranges) {
  std::uint64_t size = 0;
  for (const ByteRange& range : ranges) size += range.size;
  return size;
}

/// Looks over one value at a time, with the memory of the one before.
class FrameChecker {
 public:
  ValueCheck check(const File& file, std::string_view key) {
    FrameFile frames(file, encoded_);
    ValueCheck value{.size = frames.size()};
    for (std::uint64_t offset = 0; offset < value.size;) {
      const FramePlace place{.key = key, .offset = offset};
      if (const std::uint64_t size = decode(frames, place, value)) {
        offset += size;
        continue;
      }
      const std::uint64_t end = find_frame_after(frames, offset);
      value.damaged.push_back({.offset = offset, .size = end - offset});
      offset = end;
    }
    return value;
  }

 private:
  /// Returns how long the frame is; 0 if it is damaged.
  std::uint64_t decode(FrameFile& frames, const FramePlace& place, ValueCheck& value) {
    const auto note = [&](const Error& error) {
      if (value.problem.empty()) value.problem = error.what();
    };
    try {
      const Frame frame = frames.frame(place);
      try {
        decoder_.decode(frame, std::span(decoded_).first(frame.header.decoded_size));
      } catch (const UnsupportedError& error) {  // it is whole
        note(error);
      }
      value.decoded_bytes += frame.header.decoded_size;
      return size_of(frame);
    } catch (const CorruptionError& error) {
      note(error);
      return 0;
    }
  }

  [[nodiscard]] static bool is_intact_at(FrameFile& frames, std::uint64_t offset) {
    try {
      return is_intact(frames.frame({.offset = offset}));
    } catch (const CorruptionError&) {
      return false;
    }
  }

  /// Where the next frame begins after a damaged one; the end of the file, if there is none. What the damaged one says
  /// of its size is tried first: the bytes that it holds may look like frames themselves.
  [[nodiscard]] static std::uint64_t find_frame_after(FrameFile& frames, std::uint64_t damaged) {
    for (const std::uint64_t size : claimed_sizes(frames, damaged)) {
      const std::uint64_t end = damaged + frame_header_size + size;
      if (end == frames.size() || (end < frames.size() && is_intact_at(frames, end))) return end;
    }
    for (std::uint64_t from = damaged + 1; from < frames.size(); ++from) {
      const std::string_view window = frames.bytes(from, frame_header_size);
      if (window.size() < frame_header_size) break;
      const std::size_t at = window.find(frame_magic);
      if (at == std::string_view::npos) {
        from += window.size() - frame_magic.size();
        continue;
      }
      from += at;
      if (is_intact_at(frames, from)) return from;
    }
    return frames.size();
  }

  /// By the two fields of the header, whatever else of it is damaged: of what is stored, both tell it.
  [[nodiscard]] static std::array<std::uint32_t, 2> claimed_sizes(FrameFile& frames, std::uint64_t offset) {
    constexpr std::size_t before_sizes = 2 + 1 + 1;
    ByteReader reader(frames.bytes(offset, frame_header_size));
    (void)reader.bytes(before_sizes);
    const auto decoded_size = reader.integer<std::uint32_t>();
    const auto encoded_size = reader.integer<std::uint32_t>();
    return {encoded_size, decoded_size};
  }

  FrameDecoder decoder_;
  std::vector<char> encoded_ = frame_buffer();
  std::vector<char> decoded_ = std::vector<char>(max_frame_bytes);
};

/// Writes all but the damaged stretches to a new file.
void copy_whole_frames(const File& from, const ValueCheck& value, File& to) {
  std::vector<char> buffer(max_frame_bytes);
  const auto copy = [&](std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
      const std::uint64_t size = std::min<std::uint64_t>(buffer.size(), end - begin);
      const std::string_view bytes(buffer.data(), from.read_at(begin, std::span(buffer).first(size)));
      to.append(std::array{bytes});
      begin += size;
    }
  };
  std::uint64_t begin = 0;
  for (const ByteRange& range : value.damaged) {
    copy(begin, range.offset);
    begin = range.offset + range.size;
  }
  copy(begin, value.size);
}

std::unique_ptr<File> cut(Directory& directory, const std::string& name, std::uint64_t size) {
  std::unique_ptr<File> file = directory.open(name, OpenMode::write);
  if (file->info().links > 1) {
    replace_by_copy(directory, name);
    file = directory.open(name, OpenMode::write);
  }
  file->truncate(size);
  return file;
}

/// The file is changed at once, or not at all.
void cut_damage_out(Directory& directory, const std::string& name, const ValueCheck& value) {
  const ByteRange& first = value.damaged.front();
  if (first.offset + first.size == value.size) {
    (void)cut(directory, name, first.offset);
    return;
  }

  if (directory.info(mended_name)) directory.remove(mended_name);
  const std::unique_ptr<File> damaged = directory.open(name, OpenMode::read);
  const std::unique_ptr<File> mended = directory.open(mended_name, OpenMode::create_append);
  mended->set_rights(damaged->info().rights);
  copy_whole_frames(*damaged, value, *mended);
  mended->sync();
  directory.rename(mended_name, name);
}

/// Read at once by who passes over frames.
constexpr std::size_t window_bytes = std::size_t{64} << 10;

bool is_zero_from(FrameFile& frames, std::uint64_t from) {
  frames.read_ahead(window_bytes);
  while (from < frames.size()) {
    const std::string_view bytes = frames.bytes(from, 1);
    if (!is_zero(bytes)) return false;
    from += bytes.size();
  }
  return true;
}

/// Of a frame with a whole header: its payload has not reached the disk, or not its end.
bool is_torn(FrameFile& frames, std::uint64_t offset) {
  const Frame frame = frames.frame({.offset = offset});
  constexpr std::size_t telling_bytes = 8;
  const std::size_t size = std::min(frame.payload.size(), telling_bytes);
  const std::string_view end = frame.payload.substr(frame.payload.size() - size);
  return is_zero(end) && !is_intact(frame);
}

/// Where a value ends in what a power loss has left of a frame.
std::optional<std::uint64_t> find_torn_tail(FrameFile& frames) {
  frames.read_ahead(window_bytes);
  std::uint64_t last = 0;
  for (std::uint64_t offset = 0; offset < frames.size();) {
    try {
      const auto header = try_decode_frame_header(frames.bytes(offset, frame_header_size), {.offset = offset});
      if (!header || frames.size() - offset - frame_header_size < header->encoded_size) return offset;
      frames.read_ahead(header->encoded_size < window_bytes ? window_bytes : frame_header_size);
      last = offset;
      offset += frame_header_size + header->encoded_size;
    } catch (const CorruptionError&) {
      return is_zero_from(frames, offset) ? std::optional(offset) : std::nullopt;
    }
  }
  return frames.size() > 0 && is_torn(frames, last) ? std::optional(last) : std::nullopt;
}

std::string describe_damage(const ValueCheck& value) {
  return std::to_string(total_size(value.damaged)) + " of the " + std::to_string(value.size) + " bytes of its encoding";
}

void add_problem(FrameCheck& found, const ValueCheck& value) {
  found.problems.push_back(value.problem + (value.damaged.empty() ? "" : " (" + describe_damage(value) + ")"));
}

/// Calls `judge` with each value that has a problem, and its file.
template <typename Judge>
FrameCheck check_each(Directory& directory, Judge judge) {
  FrameCheck found;
  FrameChecker checker;
  scan_values(directory, [&](const ScannedName& scanned) {
    if (!scanned.key) return;
    std::unique_ptr<File> file;
    ValueCheck value;
    try {
      file = directory.open(scanned.name, OpenMode::read);
      value = checker.check(*file, *scanned.key);
    } catch (const IoError& error) {
      found.problems.emplace_back(error.what());
      if (!found.unreadable) found.unreadable = std::current_exception();
      return;
    }
    found.decoded_bytes += value.decoded_bytes;
    if (!value.problem.empty()) judge(found, scanned, *file, value);
  });
  return found;
}

}  // namespace

FrameCheck check_frames(Directory& directory, bool repair) {
  return check_each(directory, [&](FrameCheck& found, const ScannedName& scanned, const File&, ValueCheck& value) {
    if (!repair || value.damaged.empty()) return add_problem(found, value);
    cut_damage_out(directory, scanned.name, value);
    found.repairs.push_back(value_name(*scanned.key) + " was damaged: cut " + describe_damage(value) + " out");
  });
}

FrameCheck check_frames_before_recovery(Directory& directory, const Replayed& replayed) {
  std::vector<char> buffer = frame_buffer();
  return check_each(directory, [&](FrameCheck& found, const ScannedName& scanned, const File& file, ValueCheck& value) {
    if (value.damaged.empty()) return add_problem(found, value);
    const auto journaled = replayed.find(*scanned.key);
    FrameFile frames(file, buffer);
    const std::uint64_t torn_from = find_torn_tail(frames).value_or(value.size);
    // What stands after the first damage in what is replayed cannot be judged before the replay.
    const std::uint64_t mended_from = journaled == replayed.end() ? torn_from : journaled->second.offset;
    const std::uint64_t mended_to =
        journaled == replayed.end() ? value.size : journaled->second.offset + journaled->second.size;
    const std::uint64_t first = value.damaged.front().offset;
    if (first >= mended_from && (first < mended_to || first >= torn_from)) return;
    add_problem(found, value);
  });
}

void cut_torn_tails(Directory& directory, const std::function<void()>& note_failed_sync) {
  std::vector<char> buffer = frame_buffer();
  scan_values(directory, [&](const ScannedName& scanned) {
    if (!scanned.key) return;
    const std::unique_ptr<File> file = directory.open(scanned.name, OpenMode::read);
    FrameFile frames(*file, buffer);
    const auto tail = find_torn_tail(frames);
    if (!tail) return;
    sync_or_note(*cut(directory, scanned.name, *tail), note_failed_sync);
  });
}

bool begins_with_frame(const File& file) {
  std::array<char, frame_header_size> front{};
  try {
    return try_decode_frame_header({front.data(), file.read_at(0, front)}, {}).has_value();
  } catch (const CorruptionError&) {
    return false;
  }
}

}  // namespace accrete
