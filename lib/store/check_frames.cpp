#include "store/check_frames.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "base/escape.hpp"
#include "codec/frame_decoder.hpp"
#include "store/files_parts.hpp"
#include "store/value_files.hpp"

namespace accrete {
namespace {

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
    ValueCheck value{.size = file.size()};
    for (std::uint64_t offset = 0; offset < value.size;) {
      const FramePlace place{.key = key, .offset = offset};
      if (const std::uint64_t size = decode(file, place, value)) {
        offset += size;
        continue;
      }
      const std::uint64_t end = find_frame_behind(file, place, value.size);
      value.damaged.push_back({.offset = offset, .size = end - offset});
      offset = end;
    }
    return value;
  }

 private:
  /// Returns how long the frame is; 0 if it is damaged.
  std::uint64_t decode(const File& file, const FramePlace& place, ValueCheck& value) {
    const auto note = [&](const Error& error) {
      if (value.problem.empty()) value.problem = error.what();
    };
    try {
      const Frame frame = read_frame(file, place);
      const std::uint64_t size = frame_header_size + frame.header.encoded_size;
      try {
        decoder_.decode(frame, std::span(decoded_).first(frame.header.decoded_size));
      } catch (const UnsupportedError& error) {  // it is whole
        note(error);
      }
      value.decoded_bytes += frame.header.decoded_size;
      return size;
    } catch (const CorruptionError& error) {
      note(error);
      return 0;
    }
  }

  /// Throws CorruptionError for what is no frame, or not all of one.
  [[nodiscard]] Frame read_frame(const File& file, const FramePlace& place) {
    const std::size_t read = file.read_at(place.offset, encoded_);
    return FrameCursor({encoded_.data(), read}, place).next().value();
  }

  [[nodiscard]] bool is_intact_at(const File& file, std::uint64_t offset) {
    try {
      return is_intact(read_frame(file, {.offset = offset}));
    } catch (const CorruptionError&) {
      return false;
    }
  }

  /// Where the next frame begins behind a damaged one; `end`, that of the file, if there is none. What the damaged one
  /// says of its size is tried first: the bytes that it holds may look like frames themselves.
  [[nodiscard]] std::uint64_t find_frame_behind(const File& file, const FramePlace& damaged, std::uint64_t end) {
    const std::uint64_t claimed = claimed_end(file, damaged).value_or(end + 1);
    if (claimed == end || (claimed < end && is_intact_at(file, claimed))) return claimed;
    for (std::uint64_t from = damaged.offset + 1; from < end;) {
      const std::size_t read = file.read_at(from, decoded_);
      if (read < frame_magic.size()) break;
      const std::string_view window(decoded_.data(), read);
      for (std::size_t at = window.find(frame_magic); at != window.npos; at = window.find(frame_magic, at + 1)) {
        if (is_intact_at(file, from + at)) return from + at;
      }
      from += read - (frame_magic.size() - 1);
    }
    return end;
  }

  [[nodiscard]] static std::optional<std::uint64_t> claimed_end(const File& file, const FramePlace& place) {
    try {
      std::array<char, frame_header_size> header_bytes{};
      const std::size_t read = file.read_at(place.offset, header_bytes);
      const auto header = try_decode_frame_header({header_bytes.data(), read}, place);
      if (header) return place.offset + frame_header_size + header->encoded_size;
    } catch (const CorruptionError&) {
    }
    return std::nullopt;
  }

  FrameDecoder decoder_;
  std::vector<char> encoded_ = std::vector<char>(frame_header_size + max_frame_bytes);
  std::vector<char> decoded_ = std::vector<char>(max_frame_bytes);  // or what is searched for a frame
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

/// The file is changed at once, or not at all.
void cut_damage_out(Directory& directory, const std::string& name, const ValueCheck& value) {
  const ByteRange& first = value.damaged.front();
  if (first.offset + first.size == value.size) return directory.open(name, OpenMode::write)->truncate(first.offset);

  if (directory.info(mended_value_name)) directory.remove(mended_value_name);
  const std::unique_ptr<File> mended = directory.open(mended_value_name, OpenMode::create_append);
  copy_whole_frames(*directory.open(name, OpenMode::read), value, *mended);
  mended->sync();
  directory.rename(mended_value_name, name);
}

}  // namespace

FrameCheck check_frames(Directory& directory, bool repair) {
  FrameCheck found;
  FrameChecker checker;
  scan_values(directory, [&](const ScannedName& scanned) {
    if (!scanned.key) return;
    const ValueCheck value = checker.check(*directory.open(scanned.name, OpenMode::read), *scanned.key);
    found.decoded_bytes += value.decoded_bytes;
    if (value.problem.empty()) return;
    const std::string damage =
        std::to_string(total_size(value.damaged)) + " of the " + std::to_string(value.size) + " bytes of its encoding";
    if (value.damaged.empty()) {
      found.problems.push_back(value.problem);
    } else if (!repair) {
      found.problems.push_back(value.problem + "; restore it from a copy, or have 'accrete verify --repair' cut " +
                               damage + " out");
    } else {
      cut_damage_out(directory, scanned.name, value);
      found.repairs.push_back(value.problem + ": cut " + damage + " out");
    }
  });
  return found;
}

}  // namespace accrete
