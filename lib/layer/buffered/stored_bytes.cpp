#include "layer/buffered/stored_bytes.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

namespace accrete {

/// What is still to be found.
class StoredBytes::Pieces {
 public:
  explicit Pieces(std::span<const std::string_view> pieces) : pieces_(pieces) { pass_over_empty(); }

  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }

  /// Takes as many bytes off the front as `found` has, or all. False if they differ.
  [[nodiscard]] bool begin_with(std::string_view found) {
    while (!found.empty() && !empty()) {
      const std::string_view wanted = pieces_.front().substr(at_, found.size());
      if (found.substr(0, wanted.size()) != wanted) return false;
      found.remove_prefix(wanted.size());
      at_ += wanted.size();
      pass_over_empty();
    }
    return true;
  }

 private:
  void pass_over_empty() {
    for (; !pieces_.empty() && at_ == pieces_.front().size(); at_ = 0) pieces_ = pieces_.subspan(1);
  }

  std::span<const std::string_view> pieces_;
  std::size_t at_ = 0;  // in the first of them
};

std::uint64_t StoredBytes::size_after(std::string_view key, std::uint64_t stored, std::uint64_t size) {
  if (!has_codec_) return size - stored;
  std::uint64_t decoded = 0;
  for (FramePlace place{.key = key, .offset = stored}; place.offset < size;) {
    const FrameHeader header = load_header(place);
    decoded += header.decoded_size;
    place.offset += frame_header_size + header.encoded_size;
    if (place.offset > size) throw_damaged_frame(place, "the value ends within the frame before it");
  }
  return decoded;
}

std::string StoredBytes::load(std::string_view key, std::uint64_t stored, std::uint64_t offset) {
  if (!has_codec_) return values_.get_range(key, stored + offset, std::numeric_limits<std::uint64_t>::max());
  std::string bytes;
  const std::uint64_t size = values_.size(key).value_or(0);
  for (FramePlace place{.key = key, .offset = stored}; place.offset < size;) {
    const FrameHeader header = load_header(place);
    const std::size_t frame_size = frame_header_size + header.encoded_size;
    const std::uint64_t passed_over = std::min<std::uint64_t>(offset, header.decoded_size);
    offset -= passed_over;
    if (passed_over < header.decoded_size) {
      if (!try_decode(place, frame_size, header.decoded_size)) break;
      bytes.append(decoded_.data() + passed_over, decoded_.size() - passed_over);
    }
    place.offset += frame_size;
  }
  return bytes;
}

bool StoredBytes::matches(std::string_view key, std::uint64_t stored, std::uint64_t offset,
                          std::span<const std::string_view> pieces) {
  Pieces wanted(pieces);
  if (has_codec_) return frames_match({.key = key, .offset = stored}, offset, wanted);
  return raw_bytes_match(key, stored + offset, wanted);
}

FrameHeader StoredBytes::load_header(const FramePlace& place) const {
  std::array<char, frame_header_size> raw{};
  const std::size_t size = values_.get_range_into(place.key, place.offset, raw);
  const auto header = try_decode_frame_header({raw.data(), size}, place);
  if (!header) throw_damaged_frame(place, "the value ends within its header");
  return *header;
}

bool StoredBytes::raw_bytes_match(std::string_view key, std::uint64_t offset, Pieces& wanted) {
  constexpr std::size_t max_at_once = std::size_t{1} << 20;
  read_.resize(max_at_once);
  while (!wanted.empty()) {
    const std::size_t size = values_.get_range_into(key, offset, read_);
    if (size == 0 || !wanted.begin_with({read_.data(), size})) return false;
    offset += size;
  }
  return true;
}

bool StoredBytes::frames_match(const FramePlace& first, std::uint64_t offset, Pieces& wanted) {
  for (FramePlace place = first; !wanted.empty();) {
    const FrameHeader header = load_header(place);
    const std::size_t size = frame_header_size + header.encoded_size;
    if (offset < header.decoded_size) {
      if (!try_decode(place, size, header.decoded_size)) return false;
      if (!wanted.begin_with(std::string_view(decoded_.data(), decoded_.size()).substr(offset))) return false;
      offset = 0;
    } else {
      offset -= header.decoded_size;
    }
    place.offset += size;
  }
  return true;
}

bool StoredBytes::try_decode(const FramePlace& place, std::size_t size, std::uint64_t decoded_size) {
  read_.resize(size);
  FrameCursor cursor({read_.data(), values_.get_range_into(place.key, place.offset, read_)}, place);
  const std::optional<Frame> frame = cursor.next();
  if (!frame) return false;
  decoded_.resize(decoded_size);
  decoder_.decode(*frame, decoded_);
  return true;
}

}  // namespace accrete
