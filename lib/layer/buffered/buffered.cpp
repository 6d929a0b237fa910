// A buffer over a store, as a Store: batches that come at the same time share a record of its journal.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "base/expected_size.hpp"
#include "base/own_writer.hpp"
#include "layer/buffered/buffer.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "layer/buffered/group_queue.hpp"
#include "os/at_fork.hpp"
#include "store/lost_appends.hpp"

namespace accrete {
namespace {

/// In one record of the journal.
constexpr std::uint64_t max_bytes_a_record = std::uint64_t{64} << 20;

constexpr std::uint64_t smallest_limit = std::uint64_t{1} << 20;

class Buffered final : public BufferedStore, private AtFork {
 public:
  Buffered(std::unique_ptr<Store> next, const Buffer::Settings& settings, LostAppendsHandler on_lost_appends)
      : on_lost_appends_(std::move(on_lost_appends)),
        last_sequences_(settings.owned ? settings.owned->session_sequences() : std::vector<BatchId>{}),
        next_(std::move(next)),
        buffer_(*next_, settings),
        forgotten_before_(settings.owned ? settings.owned->forgotten_writers() : 0),
        max_bytes_a_run_(std::min(max_bytes_a_record,
                                  (settings.journal ? settings.journal->segment_bytes : settings.limit_bytes) / 4)),
        groups_(std::make_unique<GroupQueue>()) {
    watch_forks();
  }

  ~Buffered() override {
    ignore_forks();
    try {
      buffer_.close();
    } catch (const std::exception& error) {
      tell_lost_appends(on_lost_appends_, what_is_left(error));
    }
  }

 private:
  [[nodiscard]] std::string what_is_left(const std::exception& error) const {
    const std::string problem =
        std::string("a buffer is closed and cannot hand all of its appends down: ") + error.what();
    if (!buffer_.has_journal()) return problem + "; those that it had not handed down are lost";
    return problem + "; they are in its journal, and the next program that opens the dataset hands them down";
  }

  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    const bool is_plain = !options.sync && !options.expect_size && !options.id;
    // Where nothing is synced, a group has nothing to share.
    const std::uint64_t bytes = BufferBatches::size_of(entries);
    if (is_plain && !buffer_.is_synced() && !buffer_.is_large(entries, bytes)) return buffer_.gather(entries, bytes);
    GroupedBatch batch{.entries = entries, .options = options};
    append_group({&batch, 1});
    if (batch.failure) std::rethrow_exception(batch.failure);
  }

  Durability durability() const noexcept override {
    if (!buffer_.has_journal()) return Durability::memory;
    return buffer_.is_synced() ? Durability::sync : Durability::os;
  }

  void append_group(std::span<GroupedBatch> batches) override {
    for (GroupedBatch& batch : batches) {
      if (batch.session) batch.session->writer = buffer_.session_writer(batch.session->writer);
    }
    groups_->run(batches, [&](std::span<GroupedBatch* const> group) { apply(group); });
  }

  /// Batches that share a record of the journal.
  struct Run {
    std::vector<GroupedBatch*> batches{};
    std::uint64_t bytes = 0;
  };

  /// Throws nothing: each batch gets its own failure.
  void apply(std::span<GroupedBatch* const> group) noexcept {
    for (GroupedBatch* const batch : group) {
      try {
        take_up(*batch);
      } catch (...) {
        refuse(*batch, std::current_exception());
      }
    }
    finish_run();
    refused_.clear();
  }

  void take_up(GroupedBatch& batch) {
    const std::uint64_t bytes = BufferBatches::size_of(batch.entries);
    const bool goes_down = must_go_down(batch, bytes);
    const bool stands_alone =
        goes_down || batch.options.expect_size || is_applied(batch.options.id) || is_applied(batch.session);
    if (stands_alone || run_.bytes + bytes > max_bytes_a_run_) finish_run();
    if (batch.session) throw_if_refused(batch.session->writer);
    if (is_applied(batch.options.id) || is_applied(batch.session)) {
      if (batch.options.sync) buffer_.sync();  // it may have been applied without
      if (batch.session && !is_applied(batch.session)) add_session_only(batch);
      return;
    }
    if (batch.options.id && !batch.has_own_id) refuse_forgotten(*batch.options.id);
    if (goes_down) return append_below(batch);
    if (batch.options.expect_size) {
      const std::string_view key = batch.entries.front().key;
      check_expected_size(key, buffer_.size(key), *batch.options.expect_size);
    }
    add(batch, bytes);
  }

  /// What cannot be gathered, or would not be safe there.
  [[nodiscard]] bool must_go_down(const GroupedBatch& batch, std::uint64_t bytes) const noexcept {
    if (batch.options.sync && !buffer_.is_synced()) return true;
    if (batch.options.expect_size && !buffer_.owns_below()) return true;
    // Which of a client's own ids it may have forgotten, the store below knows.
    if (batch.options.id && !buffer_.owns_below() && is_own_writer(batch.options.id->writer)) return true;
    return buffer_.is_large(batch.entries, bytes);
  }

  [[nodiscard]] bool is_applied(const std::optional<BatchId>& id) {
    if (!id) return false;
    const std::optional<std::uint64_t> last = buffer_.learn_last_sequence(id->writer);
    return last && id->sequence <= *last;
  }

  void refuse_forgotten(const BatchId& id) {
    if (!is_own_writer(id.writer) || buffer_.learn_last_sequence(id.writer)) return;
    if (buffer_.may_have_forgotten(id.writer)) throw_forgotten_id(id);
  }

  void add(GroupedBatch& batch, std::uint64_t bytes) {
    run_.batches.push_back(&batch);
    try {
      buffer_.remember(batch);
    } catch (...) {
      run_.batches.pop_back();
      throw;
    }
    run_.bytes += bytes;
  }

  /// The store has the batch by its user's id. That it came in a session, too, must outlast a crash.
  void add_session_only(GroupedBatch& batch) {
    batch.entries = {};
    batch.options = {};
    add(batch, BufferBatches::size_of({}));
  }

  void append_below(GroupedBatch& batch) {
    AppendOptions options = batch.options;
    if (!options.id) options.id = batch.session;
    buffer_.append_below(batch.entries, options);
    if (batch.options.id && batch.session) add_session_only(batch);
  }

  /// A session's batches behind one that was refused are refused with it: a later one that was applied would make the
  /// earlier one look as if it had been, too, when it is sent again.
  void refuse(GroupedBatch& batch, const std::exception_ptr& failure) {
    batch.failure = failure;
    if (batch.session) refused_.try_emplace(batch.session->writer, failure);
  }

  void throw_if_refused(const WriterId& session) const {
    const auto found = refused_.find(session);
    if (found != refused_.end()) std::rethrow_exception(found->second);
  }

  void finish_run() noexcept {
    if (run_.batches.empty()) return;
    try {
      buffer_.gather(run_.batches, run_.bytes);
    } catch (...) {
      for (GroupedBatch* const batch : run_.batches) {
        // Without entries it says of a session what stands below already, by its user's id: it is not refused with
        // others.
        const bool is_session_only = batch->entries.empty() && !batch->options.id;
        if (!is_session_only) refuse(*batch, std::current_exception());
      }
    }
    run_.batches.clear();
    run_.bytes = 0;
  }

  std::string do_get(std::string_view key) const override { return buffer_.get(key); }
  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return buffer_.get_batch(keys);
  }
  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    return buffer_.get_range(key, offset, size);
  }

  std::size_t do_get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const override {
    return buffer_.get_range_into(key, offset, to);
  }
  std::optional<std::uint64_t> do_size(std::string_view key) const override { return buffer_.size(key); }
  std::vector<KeySize> do_list(const ListOptions& options) const override { return buffer_.list(options); }
  std::uint64_t do_removals() const override { return buffer_.removals(); }
  Stats do_stats() const override { return buffer_.stats(); }

  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return buffer_.last_sequence(writer);
  }
  std::vector<BatchId> last_sequences_before() const override { return last_sequences_; }
  std::uint64_t forgotten_before() const override { return forgotten_before_; }
  WriterId session_writer(const WriterId& session) const override { return buffer_.session_writer(session); }
  void end_session(const WriterId& session, std::span<const WriterId> own_writers) override {
    std::vector<WriterId> writers = {buffer_.session_writer(session)};
    std::ranges::copy_if(own_writers, std::back_inserter(writers), is_own_writer);
    buffer_.end_writers(writers);
  }
  LocatedValues locate(std::span<const std::string_view> keys,
                       const std::function<void(std::uint64_t)>& reserve) const override {
    return buffer_.locate(keys, reserve);
  }

  void do_erase(std::string_view key) override { buffer_.erase(key); }
  void do_drop() override { buffer_.drop(); }
  void do_sync() override { buffer_.sync(); }
  void do_flush() override {
    buffer_.flush();
    next_->flush();
  }

  void before_fork() override {
    groups_->before_fork();
    buffer_.before_fork();
  }

  void after_fork_in_parent() noexcept override {
    buffer_.after_fork_in_parent();
    groups_->after_fork_in_parent();
  }

  // The old queue is locked for good.
  void after_fork_in_child() noexcept override {
    buffer_.after_fork_in_child();
    (void)groups_.release();
    groups_ = std::make_unique<GroupQueue>();
  }

  const LostAppendsHandler on_lost_appends_;
  const std::vector<BatchId> last_sequences_;
  const std::unique_ptr<Store> next_;
  Buffer buffer_;
  const std::uint64_t forgotten_before_;
  const std::uint64_t max_bytes_a_run_;
  std::unique_ptr<GroupQueue> groups_;

  // Used by whoever applies a group:
  Run run_;
  std::map<WriterId, std::exception_ptr> refused_;  // sessions of which a batch of the group was refused
};

}  // namespace

std::unique_ptr<Store> buffered(std::unique_ptr<Store> next, const BufferOptions& options,
                                const LostAppendsHandler& on_lost_appends) {
  const Buffer::Settings settings{.limit_bytes = std::max(options.limit_bytes, smallest_limit)};
  return std::make_unique<Buffered>(std::move(next), settings, on_lost_appends);
}

std::unique_ptr<BufferedStore> buffered_dataset(std::unique_ptr<Store> store, OwnedDataset& dataset,
                                                const BufferedDatasetOptions& options) {
  Buffer::Settings settings{.limit_bytes = std::max(options.buffer.limit_bytes, smallest_limit), .owned = &dataset};
  if (options.durability != Durability::memory) {
    // Behind the last batch room is kept, by which the file may be larger.
    const std::uint64_t most = options.file_size_limit - std::min(options.file_size_limit, buffer_segment_unit);
    const std::uint64_t limit = std::min(settings.limit_bytes, most);
    settings.journal = {.synced = options.durability == Durability::sync,
                        .segment_bytes = limit / buffer_segment_unit * buffer_segment_unit};
  }
  return std::make_unique<Buffered>(std::move(store), settings, options.on_lost_appends);
}

}  // namespace accrete
