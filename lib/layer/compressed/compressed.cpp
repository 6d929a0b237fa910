// Values as frames (codec/frame.hpp) in a store below.
#include <accrete/accrete.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "base/expected_size.hpp"
#include "codec/batch_encoder.hpp"
#include "codec/frame.hpp"
#include "codec/pool.hpp"
#include "layer/compressed/compressed_store.hpp"
#include "layer/compressed/compressed_values.hpp"
#include "store/applied_batch.hpp"

namespace accrete {
namespace {

class Compressed final : public Store {
 public:
  Compressed(std::unique_ptr<Store> next, const Codec& codec, std::uint64_t limit_bytes)
      : next_(std::move(next)),
        values_(*next_, limit_bytes),
        encoders_([codec] { return std::make_unique<BatchEncoder>(codec); }) {}

 private:
  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    const auto encoder = encoders_.take();
    const std::span<const Entry> encoded = encoder->encode(entries, options.expect_size.has_value());
    if (options.expect_size) {
      append_if_expected(encoded, options);
    } else {
      next_->append_batch(encoded, options);
    }
    encoder->forget_large_batch();
  }

  /// What is expected is a decoded size; that nobody appends between the look at it and the append, is asked for by an
  /// encoded one.
  void append_if_expected(std::span<const Entry> encoded, AppendOptions options) {
    const std::string_view key = encoded.front().key;
    const std::uint64_t expected = *options.expect_size;
    for (;;) {
      const auto size = values_.size(key);
      const std::optional<std::uint64_t> decoded = size ? std::optional(size->decoded) : std::nullopt;
      if (!has_expected_size(decoded, expected)) {
        if (!is_applied(*next_, options.id)) check_expected_size(key, decoded, expected);
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

  /// The frame around it makes the smallest entry less than four times as large.
  std::uint64_t do_max_batch_bytes() const override {
    static_assert(entry_overhead + 1 + frame_header_size < 4 * (entry_overhead + 1));
    constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t below = next_->max_batch_bytes();
    return below == unlimited ? unlimited : below / 4;
  }

  std::string do_get(std::string_view key) const override { return values_.get(key); }
  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return values_.get_batch(keys);
  }
  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    return values_.get_range(key, offset, size);
  }
  std::optional<std::uint64_t> do_size(std::string_view key) const override {
    const auto size = values_.size(key);
    return size ? std::optional(size->decoded) : std::nullopt;
  }
  std::vector<KeySize> do_list(const ListOptions& options) const override { return values_.list(options); }

  std::uint64_t do_removals() const override { return next_->removals(); }

  Stats do_stats() const override {
    Stats stats = next_->stats();
    const std::vector<KeySize> keys = do_list({});
    stats.keys = keys.size();
    stats.bytes = 0;
    for (const KeySize& key : keys) stats.bytes += key.size;
    return stats;
  }

  std::optional<std::string> do_attribute(std::string_view name) const override { return next_->attribute(name); }
  std::vector<std::string> do_attributes() const override { return next_->attributes(); }
  bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                        const AttributeOptions& options) override {
    return next_->set_attribute(name, value, options);
  }
  void do_erase(std::string_view key) override { next_->erase(key); }
  void do_drop() override { next_->drop(); }
  void do_sync() override { next_->sync(); }
  void do_flush() override { next_->flush(); }
  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return next_->last_sequence(writer);
  }

  const std::unique_ptr<Store> next_;
  const CompressedValues values_;
  Pool<BatchEncoder> encoders_;
};

}  // namespace

std::unique_ptr<Store> compressed(std::unique_ptr<Store> next, const Codec& codec, const CompressedOptions& options) {
  return std::make_unique<Compressed>(std::move(next), codec, options.limit_bytes);
}

std::unique_ptr<Store> with_codec(std::unique_ptr<Dataset> dataset, const CompressedOptions& options) {
  const std::optional<Codec> codec = dataset->marker().codec;
  return codec ? compressed(std::move(dataset), *codec, options) : std::move(dataset);
}

}  // namespace accrete
