// A BufferedStore in memory, for tests of what stands over one.
#pragma once

#include <accrete/accrete.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layer/buffered/buffered_store.hpp"

namespace accrete::test {

class MemoryBufferedStore : public BufferedStore {
 public:
  /// It outlives the servers of a test.
  Durability durability() const noexcept override { return Durability::os; }

  void append_batches(std::span<SubmittedBatch> batches) override {
    const std::lock_guard lock(mutex_);
    for (SubmittedBatch& batch : batches) append_one(batch);
  }

  std::vector<BatchId> last_sequences_before() const override {
    const std::lock_guard lock(mutex_);
    std::vector<BatchId> all;
    for (const auto& [session, sequence] : sessions_) all.push_back({.writer = session, .sequence = sequence});
    return all;
  }

  std::uint64_t forgotten_before() const override { return 7; }

  WriterId session_writer(const WriterId& session) const override { return session; }

  void end_session(const WriterId& session, std::span<const WriterId>) override {
    const std::lock_guard lock(mutex_);
    sessions_.erase(session);
  }

  LocatedValues locate(std::span<const std::string_view> keys,
                       const std::function<void(std::uint64_t)>& reserve) const override {
    LocatedValues located;
    std::uint64_t bytes = 0;
    for (std::string& value : values_->get_batch(keys)) {
      bytes += value.size();
      located.values.push_back({.rest = std::move(value)});
    }
    reserve(bytes);
    return located;
  }

 protected:
  std::vector<KeySize> do_list(const ListOptions& options) const override { return values_->list(options); }

 private:
  void append_one(SubmittedBatch& batch) {
    try {
      if (batch.session) {
        std::uint64_t& last = sessions_[batch.session->writer];
        if (batch.session->sequence <= last) return;
        values_->append_batch(batch.entries, batch.options);
        last = batch.session->sequence;
        return;
      }
      values_->append_batch(batch.entries, batch.options);
    } catch (const Error&) {
      batch.failure = std::current_exception();
    }
  }

  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    values_->append_batch(entries, options);
  }
  std::string do_get(std::string_view key) const override { return values_->get(key); }
  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return values_->get_batch(keys);
  }
  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    return values_->get_range(key, offset, size);
  }
  std::optional<std::uint64_t> do_size(std::string_view key) const override { return values_->size(key); }
  std::uint64_t do_removals() const override { return values_->removals(); }
  Stats do_stats() const override { return values_->stats(); }
  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return values_->last_sequence(writer);
  }
  std::optional<std::string> do_attribute(std::string_view name) const override { return values_->attribute(name); }
  std::vector<std::string> do_attributes() const override { return values_->attributes(); }
  bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                        const AttributeOptions& options) override {
    return values_->set_attribute(name, value, options);
  }
  void do_erase(std::string_view key) override { values_->erase(key); }
  void do_flush() override { values_->flush(); }
  void do_sync() override { values_->sync(); }
  void do_drop() override { values_->drop(); }

  const std::unique_ptr<Store> values_ = memory_store();
  mutable std::mutex mutex_;  // guards sessions_
  std::map<WriterId, std::uint64_t> sessions_;
};

}  // namespace accrete::test
