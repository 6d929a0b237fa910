// A store that hands every call on to another one, which others may use as well.
#pragma once

#include <accrete/store.hpp>
#include <memory>
#include <utility>

namespace accrete::python {

class SharedStore final : public Store {
 public:
  explicit SharedStore(std::shared_ptr<Store> next) : next_(std::move(next)) {}

 private:
  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    next_->append_batch(entries, options);
  }
  [[nodiscard]] std::uint64_t do_max_batch_bytes() const override { return next_->max_batch_bytes(); }
  [[nodiscard]] std::string do_get(std::string_view key) const override { return next_->get(key); }
  [[nodiscard]] std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return next_->get_batch(keys);
  }
  [[nodiscard]] std::string do_get_range(std::string_view key, std::uint64_t offset,
                                         std::uint64_t size) const override {
    return next_->get_range(key, offset, size);
  }
  [[nodiscard]] std::size_t do_get_range_into(std::string_view key, std::uint64_t offset,
                                              std::span<char> to) const override {
    return next_->get_range_into(key, offset, to);
  }
  [[nodiscard]] std::optional<std::uint64_t> do_size(std::string_view key) const override { return next_->size(key); }
  [[nodiscard]] std::vector<KeySize> do_list(const ListOptions& options) const override { return next_->list(options); }
  [[nodiscard]] std::uint64_t do_removals() const override { return next_->removals(); }
  [[nodiscard]] Stats do_stats() const override { return next_->stats(); }
  [[nodiscard]] std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return next_->last_sequence(writer);
  }
  [[nodiscard]] std::optional<std::string> do_attribute(std::string_view name) const override {
    return next_->attribute(name);
  }
  [[nodiscard]] std::vector<std::string> do_attributes() const override { return next_->attributes(); }
  bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                        const AttributeOptions& options) override {
    return next_->set_attribute(name, value, options);
  }
  void do_erase(std::string_view key) override { next_->erase(key); }
  void do_flush() override { next_->flush(); }
  void do_sync() override { next_->sync(); }
  void do_drop() override { next_->drop(); }

  std::shared_ptr<Store> next_;
};

}  // namespace accrete::python
