// A store over another that counts its calls, and runs what a test puts before and after them.
#pragma once

#include <accrete/error.hpp>
#include <accrete/store.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

namespace accrete::test {

/// For one thread at a time.
class HookedStore final : public Store {
 public:
  enum class Call { append, get, get_batch, get_range, size, list, removals, stats, last_sequence, erase, drop };
  /// The key is that of the first entry, and empty where a call has none.
  using Hook = std::function<void(Call call, std::string_view key)>;

  /// `next` must outlive this object.
  explicit HookedStore(Store& next) : next_(next) {}

  /// Runs before each call. What it throws, the call throws instead of doing anything. Not for calls that hooks make.
  Hook before{};
  /// Runs after each call that throws nothing.
  Hook after{};

  /// What max_batch_bytes says; a larger batch is refused.
  std::uint64_t batch_limit = std::numeric_limits<std::uint64_t>::max();

  /// How often it was called.
  [[nodiscard]] std::size_t count(Call call) const { return counts_.at(static_cast<std::size_t>(call)); }
  void forget_counts() { counts_ = {}; }

 private:
  template <typename Work>
  auto run(Call call, std::string_view key, Work work) const {
    ++counts_.at(static_cast<std::size_t>(call));
    fire(before, call, key);
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
      fire(after, call, key);
    } else {
      auto result = work();
      fire(after, call, key);
      return result;
    }
  }

  void fire(const Hook& hook, Call call, std::string_view key) const {
    if (!hook || is_in_hook_) return;
    is_in_hook_ = true;
    try {
      hook(call, key);
    } catch (...) {
      is_in_hook_ = false;
      throw;
    }
    is_in_hook_ = false;
  }

  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    const std::string_view key = entries.empty() ? std::string_view() : entries.front().key;
    std::uint64_t bytes = 0;
    for (const Entry& entry : entries) bytes += entry.key.size() + entry.bytes.size() + entry_overhead;
    if (bytes > batch_limit) throw TooLargeError("a batch of " + std::to_string(bytes) + " bytes is too large");
    run(Call::append, key, [&] { next_.append_batch(entries, options); });
  }
  std::uint64_t do_max_batch_bytes() const override { return batch_limit; }
  std::string do_get(std::string_view key) const override {
    return run(Call::get, key, [&] { return next_.get(key); });
  }
  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return run(Call::get_batch, {}, [&] { return next_.get_batch(keys); });
  }
  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    return run(Call::get_range, key, [&] { return next_.get_range(key, offset, size); });
  }
  std::size_t do_get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const override {
    return run(Call::get_range, key, [&] { return next_.get_range_into(key, offset, to); });
  }
  std::optional<std::uint64_t> do_size(std::string_view key) const override {
    return run(Call::size, key, [&] { return next_.size(key); });
  }
  std::vector<KeySize> do_list(const ListOptions& options) const override {
    return run(Call::list, {}, [&] { return next_.list(options); });
  }
  std::uint64_t do_removals() const override {
    return run(Call::removals, {}, [&] { return next_.removals(); });
  }
  Stats do_stats() const override {
    return run(Call::stats, {}, [&] { return next_.stats(); });
  }
  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return run(Call::last_sequence, {}, [&] { return next_.last_sequence(writer); });
  }
  std::optional<std::string> do_attribute(std::string_view name) const override { return next_.attribute(name); }
  std::vector<std::string> do_attributes() const override { return next_.attributes(); }
  bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                        const AttributeOptions& options) override {
    return next_.set_attribute(name, value, options);
  }
  void do_erase(std::string_view key) override {
    run(Call::erase, key, [&] { next_.erase(key); });
  }
  void do_flush() override { next_.flush(); }
  void do_sync() override { next_.sync(); }
  void do_drop() override {
    run(Call::drop, {}, [&] { next_.drop(); });
  }

  Store& next_;
  mutable bool is_in_hook_ = false;
  mutable std::array<std::size_t, 11> counts_{};
};

}  // namespace accrete::test
