// The store in this process's memory: the shortest reading of what the Store interface asks.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "base/attributes.hpp"
#include "base/escape.hpp"
#include "base/expected_size.hpp"
#include "base/fair_shared_mutex.hpp"
#include "base/interruptible_work.hpp"
#include "base/within_memory.hpp"
#include "os/at_fork.hpp"

namespace accrete {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

/// Appends to values and can take it all back.
class UndoableAppend {
 public:
  UndoableAppend(Values& values, std::size_t entries) : values_(values) { undo_.reserve(entries); }

  void append(const Entry& entry) {
    auto at = values_.lower_bound(entry.key);
    const bool is_new = at == values_.end() || at->first != entry.key;
    if (is_new) at = values_.emplace_hint(at, entry.key, std::string());
    undo_.push_back({at, at->second.size(), is_new});
    work_.append(entry.bytes, at->second);
    added_.keys += is_new ? 1 : 0;
    added_.bytes += entry.bytes.size();
  }

  void take_back() noexcept {
    for (; !undo_.empty(); undo_.pop_back()) {
      const Undo& undo = undo_.back();
      if (undo.is_new) {
        values_.erase(undo.at);
      } else {
        undo.at->second.resize(undo.old_size);
      }
    }
  }

  [[nodiscard]] const Stats& added() const noexcept { return added_; }

 private:
  struct Undo {
    Values::iterator at;
    std::size_t old_size;
    bool is_new;
  };

  Values& values_;
  std::vector<Undo> undo_;
  Stats added_;
  InterruptibleWork work_;
};

class MemoryStore final : public Store, private AtFork {
 public:
  MemoryStore() { watch_forks(); }
  ~MemoryStore() override { ignore_forks(); }

 private:
  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    within_memory("append a batch of " + std::to_string(entries.size()) + " entries", [&] {
      const std::unique_lock lock(mutex_);
      if (options.id && is_applied(*options.id)) return;
      if (options.expect_size) check_size(entries.front().key, *options.expect_size);
      UndoableAppend undoable(values_, entries.size());
      try {
        for (const Entry& entry : entries) undoable.append(entry);
        if (options.id) sequences_.insert_or_assign(options.id->writer, options.id->sequence);
      } catch (...) {
        undoable.take_back();
        throw;
      }
      stats_.keys += undoable.added().keys;
      stats_.bytes += undoable.added().bytes;
    });
  }

  std::string do_get(std::string_view key) const override {
    return within_memory("get the value of " + quoted(key), [&] {
      const std::shared_lock lock(mutex_);
      return InterruptibleWork().copy_of(value(key));
    });
  }

  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return within_memory("get the values of " + std::to_string(keys.size()) + " keys", [&] {
      std::vector<std::string> values;
      values.reserve(keys.size());
      const std::shared_lock lock(mutex_);
      InterruptibleWork work;
      for (const std::string_view key : keys) values.push_back(work.copy_of(value(key)));
      return values;
    });
  }

  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    return within_memory("get a range of the value of " + quoted(key), [&] {
      const std::shared_lock lock(mutex_);
      const std::string_view whole = value(key);
      if (offset >= whole.size()) return std::string();
      return InterruptibleWork().copy_of(whole.substr(offset, size));
    });
  }

  std::size_t do_get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const override {
    const std::shared_lock lock(mutex_);
    const std::string_view whole = value(key);
    if (offset >= whole.size()) return 0;
    const std::string_view range = whole.substr(offset, to.size());
    InterruptibleWork().copy(range, to.data());
    return range.size();
  }

  std::optional<std::uint64_t> do_size(std::string_view key) const override {
    const std::shared_lock lock(mutex_);
    const auto at = values_.find(key);
    if (at == values_.end()) return std::nullopt;
    return at->second.size();
  }

  std::vector<KeySize> do_list(const ListOptions& options) const override {
    return within_memory("list the keys", [&] {
      std::vector<KeySize> keys;
      const std::shared_lock lock(mutex_);
      const bool is_after = options.after && *options.after >= options.prefix;
      auto at = is_after ? values_.upper_bound(*options.after) : values_.lower_bound(options.prefix);
      for (; at != values_.end() && at->first.starts_with(options.prefix); ++at) {
        if (options.limit && keys.size() >= *options.limit) break;
        keys.push_back({at->first, at->second.size()});
      }
      return keys;
    });
  }

  std::uint64_t do_removals() const override {
    const std::shared_lock lock(mutex_);
    return removals_;
  }

  Stats do_stats() const override {
    const std::shared_lock lock(mutex_);
    Stats stats = stats_;
    stats.stored_bytes = stats.bytes;
    return stats;
  }

  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    const std::shared_lock lock(mutex_);
    const auto at = sequences_.find(writer);
    if (at == sequences_.end()) return std::nullopt;
    return at->second;
  }

  std::optional<std::string> do_attribute(std::string_view name) const override {
    const std::shared_lock lock(mutex_);
    return attributes_.value(name);
  }

  std::vector<std::string> do_attributes() const override {
    const std::shared_lock lock(mutex_);
    return attributes_.names();
  }

  bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                        const AttributeOptions& options) override {
    const std::unique_lock lock(mutex_);
    if (!attributes_.meets(name, options)) return false;
    attributes_.set(name, value);
    return true;
  }

  void do_erase(std::string_view key) override {
    const std::unique_lock lock(mutex_);
    const auto at = values_.find(key);
    if (at == values_.end()) return;
    --stats_.keys;
    stats_.bytes -= at->second.size();
    values_.erase(at);
    ++removals_;
  }

  void do_flush() override {}

  void do_sync() override {}

  void do_drop() override {
    const std::unique_lock lock(mutex_);
    values_.clear();
    stats_ = {};
    ++removals_;
  }

  void before_fork() override { mutex_.lock(); }
  void after_fork_in_parent() noexcept override { mutex_.unlock(); }
  // The child cannot unlock it: the thread that did the locking has another number there.
  void after_fork_in_child() noexcept override { std::construct_at(&mutex_); }

  [[nodiscard]] std::string_view value(std::string_view key) const {
    const auto at = values_.find(key);
    return at == values_.end() ? std::string_view() : std::string_view(at->second);
  }

  [[nodiscard]] bool is_applied(const BatchId& id) const {
    const auto last = sequences_.find(id.writer);
    return last != sequences_.end() && id.sequence <= last->second;
  }

  void check_size(std::string_view key, std::uint64_t expected) const {
    const auto at = values_.find(key);
    check_expected_size(key, at == values_.end() ? std::nullopt : std::optional<std::uint64_t>(at->second.size()),
                        expected);
  }

  mutable FairSharedMutex mutex_;  // guards the rest
  Values values_;
  std::map<WriterId, std::uint64_t> sequences_;
  Attributes attributes_;
  Stats stats_;
  std::uint64_t removals_ = 0;
};

}  // namespace

std::unique_ptr<Store> memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace accrete
