#include "store/check_frames.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <memory>

#include "codec/frame_decoder.hpp"
#include "store/value_files.hpp"

namespace accrete {
namespace {

class Checker {
 public:
  explicit Checker(Directory& directory) : directory_(directory) {}

  FrameCheck run() {
    scan_values(directory_, [&](const ScannedName& found) {
      if (!found.key) return;
      try {
        check_.decoded_bytes += decode(found.name, *found.key);
      } catch (const CorruptionError& error) {
        check_.problems.emplace_back(error.what());
      } catch (const UnsupportedError& error) {
        check_.problems.emplace_back(error.what());
      }
    });
    return std::move(check_);
  }

 private:
  /// Returns how many bytes the value has.
  std::uint64_t decode(const std::string& name, const std::string& key) {
    const std::unique_ptr<File> file = directory_.open(name, OpenMode::read);
    std::uint64_t decoded_bytes = 0;
    for (std::uint64_t offset = 0; const std::size_t read = file->read_at(offset, encoded_);) {
      // As many frames as were read whole; a longer one than was read is cut short.
      FrameCursor cursor({encoded_.data(), read}, {.key = key, .offset = offset});
      const Frame frame = cursor.next().value();
      const std::span<char> decoded = std::span(decoded_).first(frame.header.decoded_size);
      decoder_.decode(frame, decoded);
      decoded_bytes += decoded.size();
      offset += frame_header_size + frame.header.encoded_size;
    }
    return decoded_bytes;
  }

  Directory& directory_;
  FrameCheck check_;
  FrameDecoder decoder_;
  std::vector<char> encoded_ = std::vector<char>(frame_header_size + max_frame_bytes);
  std::vector<char> decoded_ = std::vector<char>(max_frame_bytes);
};

}  // namespace

FrameCheck check_frames(Directory& directory) { return Checker(directory).run(); }

}  // namespace accrete
