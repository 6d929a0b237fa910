#include "layer/compressed/compressed_values.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/filled_string.hpp"
#include "base/hash.hpp"
#include "base/within_memory.hpp"
#include "store/consistently.hpp"

namespace accrete {
namespace {

/// Read at once, to look for headers. A value of fewer bytes is read in one step.
constexpr std::uint64_t window_bytes = std::uint64_t{64} << 10;

/// A whole value of fewer bytes is read in one step, a larger one in stretches of such a size.
constexpr std::uint64_t one_step_bytes = std::uint64_t{256} << 10;
constexpr std::uint64_t stretch_bytes = frame_header_size + max_frame_bytes;

/// A value whose front swells more than this is measured before there is memory for it.
constexpr std::uint64_t max_to_one = 16;

/// Goes over the frames of the first `end` bytes of a value by their headers alone.
class FrameWalk {
 public:
  FrameWalk(const Store& below, std::string_view key, std::uint64_t end, const FramePosition& from)
      : below_(below), key_(key), limit_(end), begin_(from), end_(from) {}

  /// False, and nothing changes, after the last. Throws CorruptionError for what is no frame, or not all of one.
  bool next() {
    const std::uint64_t offset = end_.encoded;
    if (offset == limit_) return false;
    const FramePlace place{.key = key_, .offset = offset};
    const auto header = try_decode_frame_header(bytes_at(offset), place);
    const std::uint64_t left = limit_ - offset;
    if (!header || left < frame_header_size || header->encoded_size > left - frame_header_size) {
      throw_damaged_frame(place, "it is cut short, after " + std::to_string(left) + " bytes");
    }
    read_ahead_ = header->encoded_size < window_bytes ? window_bytes : frame_header_size;
    begin_ = end_;
    end_.encoded += frame_header_size + header->encoded_size;
    end_.decoded += header->decoded_size;
    return true;
  }

  [[nodiscard]] const FramePosition& begin() const noexcept { return begin_; }
  [[nodiscard]] const FramePosition& end() const noexcept { return end_; }

 private:
  std::string_view bytes_at(std::uint64_t offset) {
    const bool is_inside = offset >= window_begin_ && offset + frame_header_size <= window_begin_ + window_.size();
    if (!is_inside) {
      window_ = below_.get_range(key_, offset, std::min(read_ahead_, limit_ - offset));
      window_begin_ = offset;
    }
    return std::string_view(window_).substr(offset - window_begin_);
  }

  const Store& below_;
  const std::string_view key_;
  const std::uint64_t limit_;
  std::string window_;
  std::uint64_t window_begin_ = 0;
  std::uint64_t read_ahead_ = window_bytes;
  FramePosition begin_;
  FramePosition end_;
};

}  // namespace

/// Has a visit for itself. Without a mutex, so that a forked child can go on whatever other threads did at the fork.
class CompressedValues::Lease {
 public:
  Lease(const CompressedValues& values, std::string_view key)
      : key_(key), place_(values.visits_[hash64(key) % values.visits_.size()]), visit_(place_.exchange(nullptr)) {}
  ~Lease() { delete place_.exchange(visit_.release()); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  [[nodiscard]] bool is_known() const noexcept { return visit_ && visit_->key == key_; }

  /// With what is known of the value, if it has not been removed since.
  [[nodiscard]] FrameVisit& visit(std::uint64_t removals) {
    if (!is_known() || visit_->removals != removals) {
      visit_ = std::make_unique<FrameVisit>(FrameVisit{.key = std::string(key_), .removals = removals});
    }
    return *visit_;
  }

 private:
  const std::string_view key_;
  std::atomic<FrameVisit*>& place_;
  std::unique_ptr<FrameVisit> visit_;
};

CompressedValues::CompressedValues(const Store& below, std::uint64_t limit_bytes)
    : below_(below), limit_bytes_(limit_bytes), decoders_([] { return std::make_unique<FrameDecoder>(); }) {}

CompressedValues::~CompressedValues() {
  for (const std::atomic<FrameVisit*>& visit : visits_) delete visit.load();
}

std::string CompressedValues::get(std::string_view key) const {
  const DecodeOptions options{.key = key, .limit_bytes = limit_bytes_};
  const std::string front = below_.get_range(key, 0, one_step_bytes);
  if (front.size() < one_step_bytes) return decode_value(front, *decoders_.take(), options);
  return consistently(
      below_, [&](std::uint64_t) { return read_whole(key); },
      [&] { return decode_value(below_.get(key), *decoders_.take(), options); });
}

/// The encoding is read in stretches that a core's cache holds, and is never in memory whole.
std::string CompressedValues::read_whole(std::string_view key) const {
  const std::uint64_t end = below_.size(key).value_or(0);
  const auto decoder = decoders_.take();
  std::string value;
  for (std::uint64_t at = 0; at < end;) {
    const FramePlace place{.key = key, .offset = at};
    const std::string read = below_.get_range(key, at, std::min(stretch_bytes, end - at));
    const std::string_view frames = whole_frames(read, place);
    if (frames.empty()) throw_damaged_frame(place, "it is cut short, after " + std::to_string(read.size()) + " bytes");
    if (at == 0) {
      within_memory("decode " + value_name(key), [&] { value.reserve(room_for(key, frames, end)); });
    }
    append_decoded(frames, *decoder,
                   {.key = key, .begin = at, .limit_bytes = limit_bytes_, .taken_bytes = value.size()}, value);
    at += frames.size();
  }
  return value;
}

/// For a value of `end` encoded bytes that begins with these frames. Throws TooLargeError.
std::uint64_t CompressedValues::room_for(std::string_view key, std::string_view frames, std::uint64_t end) const {
  const std::uint64_t decoded = decoded_size(frames, {.key = key});
  if (decoded < frames.size() * max_to_one) {
    constexpr double slack = 1.05;
    const double ratio = static_cast<double>(decoded) / static_cast<double>(frames.size());
    return std::min(static_cast<std::uint64_t>(ratio * slack * static_cast<double>(end)), limit_bytes_);
  }
  FrameWalk walk(below_, key, end, {});
  while (walk.next()) {
  }
  check_decode_limit(walk.end().decoded, {.key = key, .limit_bytes = limit_bytes_});
  return walk.end().decoded;
}

std::vector<std::string> CompressedValues::get_batch(std::span<const std::string_view> keys) const {
  std::vector<std::string> values = below_.get_batch(keys);
  const auto decoder = decoders_.take();
  std::uint64_t taken = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    values[i] = decode_value(values[i], *decoder, {.key = keys[i], .limit_bytes = limit_bytes_, .taken_bytes = taken});
    taken += values[i].size();
  }
  return values;
}

std::string CompressedValues::get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const {
  if (size == 0) return {};
  const DecodeOptions options{.key = key, .limit_bytes = limit_bytes_};
  Lease lease(*this, key);
  if (!lease.is_known()) {
    const std::string front = below_.get_range(key, 0, window_bytes);
    if (front.size() < window_bytes) return decode_range(front, offset, size, *decoders_.take(), options);
  }
  return consistently(
      below_, [&](std::uint64_t removals) { return read_range(lease.visit(removals), offset, size); },
      [&] { return decode_range(below_.get(key), offset, size, *decoders_.take(), options); });
}

std::string CompressedValues::read_range(FrameVisit& visit, std::uint64_t offset, std::uint64_t size) const {
  std::string range;
  if (offset >= visit.frame.decoded && offset < visit.frame_end.decoded) {
    range = visit.bytes.substr(offset - visit.frame.decoded, size);
    if (range.size() == size) return range;
    offset += range.size();
    size -= range.size();
  }
  FramePosition from;
  for (const FramePosition& known : {visit.end, visit.frame, visit.frame_end}) {
    if (known.decoded <= offset && known.decoded > from.decoded) from = known;
  }
  FrameWalk walk(below_, visit.key, below_.size(visit.key).value_or(0), from);
  bool is_inside = walk.next();
  while (is_inside && walk.end().decoded <= offset) is_inside = walk.next();
  if (!is_inside) return range;
  const FramePosition first = walk.begin();
  while (walk.end().decoded - offset < size && walk.next()) {
  }
  if (visit.end.encoded < walk.end().encoded) visit.end = walk.end();
  append_frames(visit, first, walk.end(), offset, size, range);
  return range;
}

/// Appends up to `size` bytes from `offset` on, which is in the first of these frames.
void CompressedValues::append_frames(FrameVisit& visit, const FramePosition& first, const FramePosition& last,
                                     std::uint64_t offset, std::uint64_t size, std::string& range) const {
  const DecodeOptions options{.key = visit.key, .limit_bytes = limit_bytes_, .taken_bytes = range.size()};
  const std::uint64_t wanted = std::min(size, last.decoded - offset);
  check_decode_limit(wanted, options);
  const FramePlace place{.key = visit.key, .offset = first.encoded};
  const std::string encoded = below_.get_range(visit.key, first.encoded, last.encoded - first.encoded);
  if (encoded.size() < last.encoded - first.encoded) throw_damaged_frame(place, "the value ends before it does");
  const auto decoder = decoders_.take();
  const auto decode = [&](std::span<char> to) {
    FrameCursor cursor(encoded, place);
    FramePosition at = first;
    for (std::span<char> left = to; !left.empty();) {
      const Frame frame = cursor.next().value();
      const FramePosition after{.encoded = at.encoded + frame_header_size + frame.header.encoded_size,
                                .decoded = at.decoded + frame.header.decoded_size};
      const std::uint64_t skipped = offset > at.decoded ? offset - at.decoded : 0;
      const std::span<char> part =
          left.first(std::min<std::uint64_t>(after.decoded - at.decoded - skipped, left.size()));
      left = left.subspan(part.size());
      if (part.size() == frame.header.decoded_size) {
        decoder->decode(frame, part);
      } else {
        visit.frame = visit.frame_end = {};
        visit.bytes.resize(frame.header.decoded_size);
        decoder->decode(frame, visit.bytes);
        visit.frame = at;
        visit.frame_end = after;
        std::memcpy(part.data(), visit.bytes.data() + skipped, part.size());
      }
      at = after;
    }
    return to.size();
  };
  within_memory("decode " + value_name(visit.key), [&] { append_filled(range, wanted, decode); });
}

std::optional<CompressedValues::Size> CompressedValues::size(std::string_view key) const {
  Lease lease(*this, key);
  while (!lease.is_known()) {
    const std::string front = below_.get_range(key, 0, window_bytes);
    if (front.size() == window_bytes) break;
    if (!front.empty()) return Size{.encoded = front.size(), .decoded = decoded_size(front, {.key = key})};
    const std::optional<std::uint64_t> encoded = below_.size(key);
    if (!encoded) return std::nullopt;
    if (*encoded == 0) return Size{};
  }
  return consistently(
      below_,
      [&](std::uint64_t removals) -> std::optional<Size> {
        const std::optional<std::uint64_t> encoded = below_.size(key);
        if (!encoded) return std::nullopt;
        return Size{.encoded = *encoded, .decoded = go_over(lease.visit(removals), *encoded)};
      },
      [&] { return size_at_once(key); });
}

std::optional<CompressedValues::Size> CompressedValues::size_at_once(std::string_view key) const {
  const std::string whole = below_.get(key);
  if (whole.empty() && !below_.size(key)) return std::nullopt;
  return Size{.encoded = whole.size(), .decoded = decoded_size(whole, {.key = key})};
}

/// What the first `encoded` bytes of the value decode to.
std::uint64_t CompressedValues::go_over(FrameVisit& visit, std::uint64_t encoded) const {
  const bool is_short = encoded < visit.end.encoded;  // others have gone further meanwhile
  FrameWalk walk(below_, visit.key, encoded, is_short ? FramePosition{} : visit.end);
  while (walk.next()) {
  }
  if (!is_short) visit.end = walk.end();
  return walk.end().decoded;
}

std::vector<KeySize> CompressedValues::list(const ListOptions& options) const {
  return consistently(
      below_,
      [&](std::uint64_t removals) {
        std::vector<KeySize> keys = below_.list(options);
        for (KeySize& key : keys) key.size = decoded_size_of(key, removals);
        return keys;
      },
      [&] {
        std::vector<KeySize> keys;
        for (KeySize& key : below_.list(options)) {
          const std::optional<Size> size = size_at_once(key.key);
          if (size) keys.push_back({.key = std::move(key.key), .size = size->decoded});
        }
        return keys;
      });
}

/// Of a value that had so many encoded bytes.
std::uint64_t CompressedValues::decoded_size_of(const KeySize& key, std::uint64_t removals) const {
  if (key.size <= window_bytes) return decoded_size(below_.get_range(key.key, 0, key.size), {.key = key.key});
  return go_over(Lease(*this, key.key).visit(removals), key.size);
}

}  // namespace accrete
