// Values as frames (codec/frame.hpp) in a store below.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <optional>
#include <utility>

#include "base/expected_size.hpp"
#include "codec/frame_decoder.hpp"
#include "codec/pool.hpp"
#include "layer/compressed_store.hpp"
#include "store/batch_encoder.hpp"

namespace accrete {
namespace {

/// Read at once, to look for headers.
constexpr std::uint64_t window_bytes = std::uint64_t{64} << 10;

/// Goes over the frames of the first `end` bytes of a value by their headers alone.
class HeaderWalk {
 public:
  HeaderWalk(const Store& below, std::string_view key, std::uint64_t end) : below_(below), key_(key), end_(end) {}

  /// False at the end. Throws CorruptionError for what is no frame, or not all of one.
  bool next() {
    begin_ = frame_end_;
    decoded_begin_ += decoded_size_;
    decoded_size_ = 0;
    if (begin_ == end_) return false;
    const FramePlace place{.key = key_, .offset = begin_};
    const auto header = try_decode_frame_header(bytes_at(begin_), place);
    const std::uint64_t left = end_ - begin_;
    if (!header || left < frame_header_size || header->encoded_size > left - frame_header_size) {
      throw_damaged_frame(place, "it is cut short, after " + std::to_string(left) + " bytes");
    }
    frame_end_ = begin_ + frame_header_size + header->encoded_size;
    decoded_size_ = header->decoded_size;
    return true;
  }

  /// Of the frame, in the encoding of the value.
  [[nodiscard]] std::uint64_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::uint64_t end() const noexcept { return frame_end_; }
  /// Of what it holds, in the value.
  [[nodiscard]] std::uint64_t decoded_begin() const noexcept { return decoded_begin_; }
  [[nodiscard]] std::uint64_t decoded_end() const noexcept { return decoded_begin_ + decoded_size_; }

 private:
  std::string_view bytes_at(std::uint64_t offset) {
    const bool is_inside = offset >= window_begin_ && offset + frame_header_size <= window_begin_ + window_.size();
    if (!is_inside) {
      window_ = below_.get_range(key_, offset, std::min(window_bytes, end_ - offset));
      window_begin_ = offset;
    }
    return std::string_view(window_).substr(offset - window_begin_);
  }

  const Store& below_;
  const std::string_view key_;
  const std::uint64_t end_;
  std::string window_;
  std::uint64_t window_begin_ = 0;
  std::uint64_t begin_ = 0;
  std::uint64_t frame_end_ = 0;
  std::uint64_t decoded_begin_ = 0;
  std::uint64_t decoded_size_ = 0;
};

struct Size {
  std::uint64_t encoded = 0;
  std::uint64_t decoded = 0;
};

/// A value that is looked at in several steps may be erased and begun anew between them, which looks like damage.
template <typename InSteps, typename AtOnce>
auto in_steps_or_at_once(InSteps in_steps, AtOnce at_once) {
  try {
    return in_steps();
  } catch (const CorruptionError&) {
    return at_once();
  }
}

class Compressed final : public Store {
 public:
  Compressed(std::unique_ptr<Store> next, const Codec& codec, std::uint64_t most_decoded_bytes)
      : next_(std::move(next)),
        most_decoded_bytes_(most_decoded_bytes),
        batches_([codec] { return std::make_unique<BatchEncoder>(codec); }),
        decoders_([] { return std::make_unique<FrameDecoder>(); }) {
    (void)batches_.take();  // throws if this build lacks the codec
  }

 private:
  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    const auto batch = batches_.take();
    const std::span<const Entry> encoded = batch->encode(entries);
    if (!options.expect_size) return next_->append_batch(encoded, options);
    append_if_expected(encoded, options);
  }

  /// What is expected is a decoded size; that nobody appends between the look at it and the append, is asked for by an
  /// encoded one.
  void append_if_expected(std::span<const Entry> encoded, AppendOptions options) {
    const std::string_view key = encoded.front().key;
    const std::uint64_t expected = *options.expect_size;
    for (;;) {
      const std::optional<Size> size = measure(key);
      const std::optional<std::uint64_t> decoded = size ? std::optional(size->decoded) : std::nullopt;
      if (!has_expected_size(decoded, expected)) {
        if (!is_applied(options.id)) check_expected_size(key, decoded, expected);
        options.expect_size.reset();  // it does nothing but what a batch that comes again does
        return next_->append_batch(encoded, options);
      }
      options.expect_size = size ? size->encoded : 0;
      try {
        return next_->append_batch(encoded, options);
      } catch (const SizeMismatchError&) {
        // Somebody has appended or erased meanwhile.
      }
    }
  }

  [[nodiscard]] bool is_applied(const std::optional<BatchId>& id) const {
    if (!id) return false;
    const std::optional<std::uint64_t> last = next_->last_sequence(id->writer);
    return last && *last >= id->sequence;
  }

  std::string do_get(std::string_view key) const override {
    return decode_value(next_->get(key), *decoders_.take(), {.key = key, .limit_bytes = most_decoded_bytes_});
  }

  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    std::vector<std::string> values = next_->get_batch(keys);
    const auto decoder = decoders_.take();
    std::uint64_t left = most_decoded_bytes_;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      values[i] = decode_value(values[i], *decoder, {.key = keys[i], .limit_bytes = left});
      left -= values[i].size();
    }
    return values;
  }

  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    const DecodeOptions options{.key = key, .limit_bytes = most_decoded_bytes_};
    return in_steps_or_at_once([&] { return read_range(offset, size, options); },
                               [&] { return decode_range(next_->get(key), offset, size, *decoders_.take(), options); });
  }

  /// Reads the frames that the range touches, and the headers of those before it.
  [[nodiscard]] std::string read_range(std::uint64_t offset, std::uint64_t size, DecodeOptions options) const {
    HeaderWalk walk(*next_, options.key, next_->size(options.key).value_or(0));
    bool is_inside = walk.next();
    while (is_inside && walk.decoded_end() <= offset) is_inside = walk.next();
    if (!is_inside) return {};
    options.begin = walk.begin();
    const std::uint64_t skipped = offset - walk.decoded_begin();
    std::uint64_t end = walk.end();
    while (walk.decoded_end() - offset < size && walk.next()) end = walk.end();
    const std::string encoded = next_->get_range(options.key, options.begin, end - options.begin);
    return decode_range(encoded, skipped, size, *decoders_.take(), options);
  }

  std::optional<std::uint64_t> do_size(std::string_view key) const override {
    const std::optional<Size> size = measure(key);
    return size ? std::optional(size->decoded) : std::nullopt;
  }

  [[nodiscard]] std::optional<Size> measure(std::string_view key) const {
    const std::optional<std::uint64_t> encoded = next_->size(key);
    if (!encoded) return std::nullopt;
    return measure(key, *encoded);
  }

  /// Of the first `encoded` bytes of its encoding.
  [[nodiscard]] Size measure(std::string_view key, std::uint64_t encoded) const {
    return in_steps_or_at_once(
        [&] {
          HeaderWalk walk(*next_, key, encoded);
          while (walk.next()) {
          }
          return Size{.encoded = encoded, .decoded = walk.decoded_begin()};
        },
        [&] {
          const std::string whole = next_->get(key);
          return Size{.encoded = whole.size(), .decoded = decoded_size(whole, {.key = key})};
        });
  }

  std::vector<KeySize> do_list(const ListOptions& options) const override {
    std::vector<KeySize> keys = next_->list(options);
    for (KeySize& key : keys) key.size = measure(key.key, key.size).decoded;
    return keys;
  }

  std::uint64_t do_removals() const override { return next_->removals(); }

  Stats do_stats() const override {
    Stats stats = next_->stats();
    const std::vector<KeySize> keys = do_list({});
    stats.keys = keys.size();
    stats.bytes = 0;
    for (const KeySize& key : keys) stats.bytes += key.size;
    return stats;
  }

  void do_erase(std::string_view key) override { next_->erase(key); }
  void do_drop() override { next_->drop(); }
  void do_sync() override { next_->sync(); }
  void do_flush() override { next_->flush(); }
  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return next_->last_sequence(writer);
  }

  const std::unique_ptr<Store> next_;
  const std::uint64_t most_decoded_bytes_;
  Pool<BatchEncoder> batches_;
  mutable Pool<FrameDecoder> decoders_;
};

}  // namespace

std::unique_ptr<Store> compressed(std::unique_ptr<Store> next, const Codec& codec, const CompressedOptions& options) {
  return std::make_unique<Compressed>(std::move(next), codec, options.limit_bytes);
}

std::unique_ptr<Store> with_codec(std::unique_ptr<Store> files, const Marker& marker,
                                  const CompressedOptions& options) {
  return marker.codec ? compressed(std::move(files), *marker.codec, options) : std::move(files);
}

}  // namespace accrete
