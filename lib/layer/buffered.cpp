// A buffer over a store. Appends are gathered by key; a thread hands the largest keys down when memory gets short.
#include <algorithm>
#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <utility>

#include "base/escape.hpp"
#include "base/record.hpp"
#include "layer/batch_ids.hpp"
#include "layer/buffered_store.hpp"
#include "layer/gathered_values.hpp"
#include "layer/group_queue.hpp"
#include "os/at_fork.hpp"
#include "store/buffer_journal.hpp"
#include "store/files_dataset.hpp"
#include "store/files_parts.hpp"

namespace accrete {
namespace {

/// Handed down at once: readers wait meanwhile.
constexpr std::uint64_t most_bytes_a_round = std::uint64_t{32} << 20;

/// In one record of the journal.
constexpr std::uint64_t most_bytes_a_record = std::uint64_t{64} << 20;

/// Without a journal, more than that goes straight down.
constexpr std::uint64_t most_bytes_copied = std::uint64_t{8} << 20;

constexpr std::uint64_t smallest_limit = std::uint64_t{1} << 20;

std::uint64_t bytes_of(std::span<const Entry> entries) noexcept {
  std::uint64_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.bytes.size();
  return bytes;
}

/// The locks of a buffer and what they guard. A forked child gets a new one: in the old one other threads may stand.
struct BufferState {
  // Taken in this order.
  std::shared_mutex order;  // what `next` holds and what is gathered do not change places while a reader has it shared
  std::mutex writing;       // held from the journal's record of some bytes until they are gathered, or taken out
  std::mutex mutex;         // guards all below

  std::condition_variable room;    // bytes have been handed down, or could not be
  std::condition_variable wanted;  // the flusher has something to do
  GatheredValues values;
  BatchIds ids;
  std::exception_ptr failure;  // of the flusher, until somebody has been told
  std::uint64_t flushes = 0;
  std::uint64_t flushers = 0;  // that remember numbers of keys
  bool closing = false;
  std::thread flusher;
  GroupQueue groups;
};

class Buffered final : public BufferedStore, private AtFork {
 public:
  struct JournalSettings {
    WriterId id{};
    BootId boot_id{};
    bool synced = false;
  };

  /// `owned`: `next`, if it is a dataset that this process has for itself.
  Buffered(std::unique_ptr<Store> next, OwnedFiles* owned, std::uint64_t limit,
           const std::optional<JournalSettings>& journal)
      : next_(std::move(next)),
        limit_(std::max(limit, smallest_limit)),
        owned_(owned),
        synced_(journal && journal->synced),
        state_(std::make_unique<BufferState>()),
        journal_id_(journal ? journal->id : WriterId{}) {
    if (journal) start_journal(journal->boot_id);
    watch_forks();
  }

  ~Buffered() override {
    ignore_forks();
    if (is_inherited_) return;
    stop_flusher();
    try {
      flush_all();
      close_journal();
    } catch (const std::exception&) {
      // What has a journal stays in it; the next to open the dataset replays it.
    }
  }

 private:
  void start_journal(const BootId& boot_id) {
    applied_step_ = step_ = next_->last_sequence(journal_id_).value_or(0);
    const std::uint64_t replayed = next_->last_sequence(replay_writer(journal_id_)).value_or(0);
    if (synced_) next_->sync();
    const BufferJournal::Settings settings = {.journal = journal_id_,
                                              .boot_id = boot_id,
                                              .synced = synced_,
                                              .segment_bytes = limit_,
                                              .first_number = replayed_segment(replayed) + 1};
    journal_ = std::make_unique<BufferJournal>(owned_->directory(), settings);
    owned_->set_buffered(true);
  }

  // ---- appending

  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    const bool is_plain = !options.sync && !options.expect_size && !options.id;
    if (!journal_ && is_plain && try_gather(entries)) return;
    GroupedBatch batch{.entries = entries, .options = options};
    append_group({&batch, 1});
    if (batch.failure) std::rethrow_exception(batch.failure);
  }

  /// Without a journal, gathering is all that there is to it. False for what is too large to be gathered.
  bool try_gather(std::span<const Entry> entries) {
    check_owner();
    const std::uint64_t bytes = bytes_of(entries);
    if (is_large(bytes)) return false;
    BufferState& state = *state_;
    std::unique_lock lock(state.mutex);
    wait_for_room(lock, bytes);
    gather(state, entries);
    return true;
  }

  void append_group(std::span<GroupedBatch> batches) override {
    check_owner();
    state_->groups.run(batches, [&](std::span<GroupedBatch* const> group) { apply(group); });
  }

  /// Batches that share a record of the journal.
  struct Run {
    std::vector<GroupedBatch*> batches{};
    std::uint64_t bytes = 0;
  };

  /// Throws nothing: each batch gets its own failure.
  void apply(std::span<GroupedBatch* const> group) noexcept {
    Run run;
    for (GroupedBatch* const batch : group) {
      try {
        take_up(*batch, run);
      } catch (...) {
        batch->failure = std::current_exception();
        refuse_rest(*batch);
      }
    }
    finish(run);
    refused_.clear();
  }

  void take_up(GroupedBatch& batch, Run& run) {
    const std::uint64_t bytes = BufferBatches::size_of(batch.entries);
    const bool goes_down = must_go_down(batch, bytes);
    const bool stands_alone =
        goes_down || batch.options.expect_size || is_applied(batch.options.id) || is_applied(batch.session);
    if (stands_alone || run.bytes + bytes > std::min(most_bytes_a_record, limit_ / 4)) finish(run);
    if (batch.session) throw_if_refused(batch.session->writer);
    if (is_applied(batch.options.id) || is_applied(batch.session)) {
      if (batch.options.sync) do_sync();  // it may have been applied without
      if (!batch.session || is_applied(batch.session)) return;
      return add_session_only(batch, run);
    }
    if (goes_down) {
      append_below(batch);
      if (batch.options.id && batch.session) add_session_only(batch, run);
      return;
    }
    if (batch.options.expect_size) check_size(batch.entries.front().key, *batch.options.expect_size);
    add(batch, bytes, run);
  }

  void add(GroupedBatch& batch, std::uint64_t bytes, Run& run) {
    remember(batch);
    run.batches.push_back(&batch);
    run.bytes += bytes;
  }

  /// The store has the batch by its user's id. That it came in a session, too, must outlast a crash.
  void add_session_only(GroupedBatch& batch, Run& run) {
    batch.entries = {};
    batch.options = {};
    add(batch, BufferBatches::size_of({}), run);
  }

  /// A session's batches behind one that was refused are refused with it: a later one that was applied would make the
  /// earlier one look as if it had been, too, when it is sent again.
  void refuse_rest(const GroupedBatch& batch) {
    if (batch.session) refused_.try_emplace(batch.session->writer, batch.failure);
  }

  void throw_if_refused(const WriterId& session) const {
    const auto found = refused_.find(session);
    if (found != refused_.end()) std::rethrow_exception(found->second);
  }

  [[nodiscard]] bool is_large(std::uint64_t bytes) const noexcept {
    return bytes > std::min(limit_ / 4, journal_ ? max_record_payload / 2 : most_bytes_copied);
  }

  /// What cannot be gathered, or would not be safe there.
  [[nodiscard]] bool must_go_down(const GroupedBatch& batch, std::uint64_t bytes) const noexcept {
    if (batch.options.sync && !synced_) return true;
    if (batch.options.expect_size && !owned_) return true;
    return is_large(bytes);
  }

  [[nodiscard]] bool is_applied(const std::optional<BatchId>& id) {
    if (!id) return false;
    const std::optional<std::uint64_t> last = known_sequence(id->writer);
    return last && id->sequence <= *last;
  }

  [[nodiscard]] std::optional<std::uint64_t> known_sequence(const WriterId& writer) const {
    {
      const std::lock_guard lock(state_->mutex);
      if (const auto known = state_->ids.find(writer)) return known->sequence;
    }
    const std::optional<std::uint64_t> below = next_->last_sequence(writer);
    const std::lock_guard lock(state_->mutex);
    if (const auto known = state_->ids.find(writer)) return known->sequence;
    state_->ids.learn(writer, below);
    return below;
  }

  void remember(const GroupedBatch& batch) {
    const std::lock_guard lock(state_->mutex);
    if (batch.options.id) state_->ids.add(*batch.options.id);
    if (batch.session) state_->ids.add(*batch.session);
  }

  /// Journals and gathers the batches of a run, all or none.
  void finish(Run& run) noexcept {
    if (run.batches.empty()) return;
    BufferState& state = *state_;
    try {
      {
        std::unique_lock lock(state.mutex);
        wait_for_room(lock, run.bytes);
      }
      std::unique_lock writing(state.writing);
      if (journal_) write_to_journal(run, writing);
      const std::lock_guard lock(state.mutex);
      for (const GroupedBatch* const batch : run.batches) gather(state, batch->entries);
      state.ids.keep();
    } catch (...) {
      const std::lock_guard lock(state.mutex);
      state.ids.take_back();
      for (GroupedBatch* const batch : run.batches) {
        batch->failure = std::current_exception();
        refuse_rest(*batch);
      }
    }
    run = {};
  }

  void write_to_journal(const Run& run, std::unique_lock<std::mutex>& writing) {
    if (!journal_->fits(run.bytes)) {
      writing.unlock();
      make_room_in_journal();
      writing.lock();
      journal_->start_next_segment();
    }
    BufferBatches batches(record_);
    for (const GroupedBatch* const batch : run.batches) {
      batches.add({.id = batch->options.id, .session = batch->session, .entries = batch->entries});
    }
    journal_->append(record_);
  }

  /// The other segment is to be overwritten: all that it covers must be below.
  void make_room_in_journal() {
    const std::uint64_t active = journal_->segment();
    flush_numbers([&] { return state_->values.all_before(active); });
    save_ids();
    if (synced_) next_->sync();
  }

  /// Under the mutex.
  void gather(BufferState& state, std::span<const Entry> entries) {
    const std::uint64_t stage = journal_ ? journal_->segment() : 0;
    for (const Entry& entry : entries) state.values.append(entry.key, entry.bytes, stage);
    if (!must_flush(state)) return;
    start_flusher(state);
    state.wanted.notify_one();
  }

  void append_below(const GroupedBatch& batch) {
    BufferState& state = *state_;
    if (batch.options.sync) flush_all();
    flush_numbers([&] { return state.values.all_of(batch.entries); });
    const std::unique_lock order(state.order);
    AppendOptions options = batch.options;
    if (!options.id) options.id = batch.session;
    next_->append_batch(batch.entries, options);
    const std::lock_guard lock(state.mutex);
    if (options.id) state.ids.learn(options.id->writer, options.id->sequence);
  }

  void check_size(std::string_view key, std::uint64_t expected) const {
    const std::optional<std::uint64_t> size = do_size(key);
    if (expected == 0 ? !size : size == expected) return;
    throw SizeMismatchError("the value of key " + quoted(key) + " was expected to " +
                            (expected == 0 ? "be new" : "have " + std::to_string(expected) + " bytes") + ", but it " +
                            (size ? "has " + std::to_string(*size) : "does not exist"));
  }

  // ---- handing down

  [[nodiscard]] std::uint64_t low_water() const noexcept { return limit_ / 2; }

  [[nodiscard]] bool must_flush(const BufferState& state) const noexcept {
    const std::uint64_t high_water = limit_ / 4 * 3;
    return state.values.held_bytes() >= high_water && !state.values.empty();
  }

  /// Returns when `bytes` more fit, or when there is nothing to hand down. Throws what kept the flusher from it.
  void wait_for_room(std::unique_lock<std::mutex>& lock, std::uint64_t bytes) {
    BufferState& state = *state_;
    if (state.failure) std::rethrow_exception(std::exchange(state.failure, nullptr));
    while (state.values.held_bytes() + bytes > limit_ && !state.values.empty()) {
      start_flusher(state);
      state.wanted.notify_one();
      state.room.wait(lock);
      if (state.failure) std::rethrow_exception(std::exchange(state.failure, nullptr));
    }
  }

  void start_flusher(BufferState& state) {
    if (state.flusher.joinable()) return;
    state.flusher = std::thread([this, &state] { flush_in_background(state); });
  }

  void flush_in_background(BufferState& state) {
    std::unique_lock lock(state.mutex);
    for (;;) {
      state.wanted.wait(lock, [&] { return state.closing || must_flush(state); });
      if (state.closing) return;
      const std::uint64_t excess = state.values.held_bytes() - low_water();
      lock.unlock();
      std::exception_ptr failure;
      try {
        flush_numbers([&] { return state.values.largest(excess); });
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure) {
        state.failure = failure;
        state.room.notify_all();
        // Trying again at once would fail again.
        constexpr std::chrono::milliseconds pause{100};
        state.wanted.wait_for(lock, pause, [&] { return state.closing; });
      }
    }
  }

  void stop_flusher() noexcept {
    BufferState& state = *state_;
    {
      const std::lock_guard lock(state.mutex);
      state.closing = true;
    }
    state.wanted.notify_all();
    if (state.flusher.joinable()) state.flusher.join();
  }

  /// Hands down what is gathered for the keys whose numbers `choose` returns.
  template <typename Choose>
  void flush_numbers(Choose choose) {
    BufferState& state = *state_;
    GatheredValues::Numbers numbers;
    {
      const std::lock_guard lock(state.mutex);
      numbers = choose();
      ++state.flushers;
    }
    std::exception_ptr failure;
    try {
      while (!numbers.empty()) flush_round(numbers);
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(state.mutex);
      if (--state.flushers == 0) state.values.forget_idle_keys(limit_ / 16);
    }
    if (failure) std::rethrow_exception(failure);
  }

  void flush_all() {
    flush_numbers([&] { return state_->values.all(); });
  }

  void flush_round(GatheredValues::Numbers& numbers) {
    BufferState& state = *state_;
    // Without a journal, a crash must not leave bytes whose batch would be applied again.
    if (!journal_) save_ids();
    const std::unique_lock order(state.order);
    std::unique_lock writing(state.writing);
    std::unique_lock lock(state.mutex);
    GatheredValues::Taken taken = state.values.take(numbers, most_bytes_a_round);
    if (taken.values.empty()) return;
    try {
      const std::vector<Entry> entries = state.values.entries(taken);
      BufferStep step{.keys = state.values.keys(taken)};
      lock.unlock();
      begin_step(step);
      writing.unlock();
      hand_down(entries, step.number);
    } catch (...) {
      if (!lock.owns_lock()) lock.lock();
      state.values.put_back(std::move(taken));
      throw;
    }
    lock.lock();
    state.values.release(std::move(taken));
    ++state.flushes;
    state.room.notify_all();
  }

  void begin_step(BufferStep& step) {
    if (!journal_) return;
    step.number = ++step_;
    step.applied = applied_step_;
    encode_buffer_step(step, step_record_);
    journal_->append(step_record_);
  }

  void hand_down(std::span<const Entry> entries, std::uint64_t step) {
    if (!journal_) return next_->append_batch(entries);
    try {
      next_->append_batch(entries, {.sync = synced_, .id = BatchId{journal_id_, step}});
    } catch (const Error&) {
      // Whether it has failed is what the dataset says, as it would to a replay.
      if (next_->last_sequence(journal_id_) != step) throw;
    }
    applied_step_ = step;
  }

  /// Tells `next` which batches it has, or is about to have.
  void save_ids() {
    BufferState& state = *state_;
    std::vector<BatchId> ids;
    {
      const std::lock_guard lock(state.mutex);
      ids = state.ids.unsaved();
    }
    for (const BatchId& id : ids) next_->append_batch({}, {.id = id});
    const std::lock_guard lock(state.mutex);
    state.ids.saved(ids);
  }

  void close_journal() {
    save_ids();
    if (!journal_) return;
    if (synced_) next_->sync();
    owned_->set_buffered(false);
    journal_->remove();
  }

  // ---- reading

  std::string do_get(std::string_view key) const override {
    const std::shared_lock order(state_->order);
    std::string gathered;
    copy_gathered(key, 0, whole, gathered);
    std::string value = next_->get(key);
    if (value.empty()) return gathered;
    value += gathered;
    return value;
  }

  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    const std::shared_lock order(state_->order);
    std::vector<std::string> gathered(keys.size());
    {
      const std::lock_guard lock(state_->mutex);
      for (std::size_t i = 0; i < keys.size(); ++i) state_->values.copy(keys[i], 0, whole, gathered[i]);
    }
    std::vector<std::string> values = next_->get_batch(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) values[i] += gathered[i];
    return values;
  }

  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    const std::shared_lock order(state_->order);
    const std::uint64_t below = next_->size(key).value_or(0);
    std::string range;
    if (offset < below) range = next_->get_range(key, offset, std::min(size, below - offset));
    const std::uint64_t skipped = offset > below ? offset - below : 0;
    copy_gathered(key, skipped, size - range.size(), range);
    return range;
  }

  void copy_gathered(std::string_view key, std::uint64_t offset, std::uint64_t size, std::string& to) const {
    const std::lock_guard lock(state_->mutex);
    state_->values.copy(key, offset, size, to);
  }

  std::optional<std::uint64_t> do_size(std::string_view key) const override {
    const std::shared_lock order(state_->order);
    const std::optional<std::uint64_t> below = next_->size(key);
    const std::lock_guard lock(state_->mutex);
    const std::optional<std::uint64_t> gathered = state_->values.size(key);
    if (!below) return gathered;
    return *below + gathered.value_or(0);
  }

  std::vector<KeySize> do_list(const ListOptions& options) const override {
    const std::shared_lock order(state_->order);
    std::vector<KeySize> gathered;
    {
      const std::lock_guard lock(state_->mutex);
      gathered = state_->values.list(options);
    }
    return merge(next_->list(options), std::move(gathered), options.limit);
  }

  static std::vector<KeySize> merge(std::vector<KeySize>&& below, std::vector<KeySize>&& gathered,
                                    std::optional<std::size_t> limit) {
    std::vector<KeySize> keys;
    keys.reserve(below.size() + gathered.size());
    auto left = below.begin();
    auto right = gathered.begin();
    while (left != below.end() || right != gathered.end()) {
      const bool take_left = right == gathered.end() || (left != below.end() && left->key <= right->key);
      KeySize next = std::move(take_left ? *left++ : *right++);
      if (take_left && right != gathered.end() && right->key == next.key) next.size += (right++)->size;
      if (limit && keys.size() >= *limit) break;
      keys.push_back(std::move(next));
    }
    return keys;
  }

  Stats do_stats() const override {
    const std::shared_lock order(state_->order);
    look_up_unknown_keys();
    Stats stats = next_->stats();
    const std::lock_guard lock(state_->mutex);
    stats.keys += state_->values.new_keys();
    stats.bytes += state_->values.bytes();
    stats.buffered_bytes += state_->values.bytes();
    stats.flushes += state_->flushes;
    return stats;
  }

  /// Each key is looked up once while it is gathered, so that the cost is that of the appends, not of the keys.
  void look_up_unknown_keys() const {
    std::vector<std::string> keys;
    {
      const std::lock_guard lock(state_->mutex);
      keys = state_->values.unknown_keys();
    }
    for (const std::string& key : keys) {
      const bool is_new = !next_->size(key);
      const std::lock_guard lock(state_->mutex);
      state_->values.know(key, is_new);
    }
  }

  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return known_sequence(writer);
  }

  std::optional<std::uint64_t> last_session_sequence(const WriterId& session) const override {
    return known_sequence(session);
  }

  void end_session(const WriterId& session) override {
    const std::lock_guard lock(state_->mutex);
    state_->ids.forget(session);
  }

  // ---- the rest

  void do_erase(std::string_view key) override {
    remove(
        {.kind = BufferStep::Kind::erase, .keys = {key}}, [&] { next_->erase(key); },
        [&] { state_->values.discard(key); });
  }

  void do_drop() override {
    remove(
        {.kind = BufferStep::Kind::drop}, [&] { next_->drop(); }, [&] { state_->values.clear(); });
  }

  template <typename Below, typename Discard>
  void remove(BufferStep step, Below below, Discard discard) {
    check_owner();
    BufferState& state = *state_;
    const std::unique_lock order(state.order);
    const std::lock_guard writing(state.writing);
    begin_step(step);
    below();
    if (journal_) hand_down({}, step.number);
    const std::lock_guard lock(state.mutex);
    discard();
    state.room.notify_all();
  }

  void do_flush() override {
    check_owner();
    throw_failure();
    flush_all();
    save_ids();
    next_->flush();
  }

  void do_sync() override {
    check_owner();
    throw_failure();
    if (synced_) return;  // so is every append that has returned
    flush_all();
    save_ids();
    next_->sync();
  }

  void throw_failure() {
    const std::lock_guard lock(state_->mutex);
    if (state_->failure) std::rethrow_exception(std::exchange(state_->failure, nullptr));
  }

  // ---- forks

  void before_fork() override {
    state_->groups.before_fork();
    state_->order.lock();
    state_->writing.lock();
    state_->mutex.lock();
  }

  void after_fork_in_parent() noexcept override {
    state_->mutex.unlock();
    state_->writing.unlock();
    state_->order.unlock();
    state_->groups.after_fork_in_parent();
  }

  // The old state has locks that other threads hold or wait for, and a thread that the child does not have.
  void after_fork_in_child() noexcept override {
    (void)state_.release();
    state_ = std::make_unique<BufferState>();
    is_inherited_ = owned_ != nullptr;
    if (is_inherited_) (void)journal_.release();
  }

  /// A dataset that is the parent's, with its journal, is not the child's; a plain buffer begins anew there.
  void check_owner() const {
    if (is_inherited_) (void)next_->stats();  // throws what its lock has to say
  }

  static constexpr std::uint64_t whole = std::numeric_limits<std::uint64_t>::max();

  const std::unique_ptr<Store> next_;
  const std::uint64_t limit_;
  OwnedFiles* const owned_;  // next_, if this process has the dataset for itself
  const bool synced_;        // by the journal, before an append returns
  bool is_inherited_ = false;
  std::unique_ptr<BufferState> state_;

  // Used by whoever applies a group:
  std::map<WriterId, std::exception_ptr> refused_;  // sessions of which a batch of the group was refused
  std::string record_;

  // Used under `writing` or `order`:
  std::unique_ptr<BufferJournal> journal_;
  const WriterId journal_id_;
  std::uint64_t step_ = 0;
  std::uint64_t applied_step_ = 0;
  std::string step_record_;
};

}  // namespace

std::unique_ptr<Store> buffered(std::unique_ptr<Store> next, const BufferOptions& options) {
  return std::make_unique<Buffered>(std::move(next), nullptr, options.limit_bytes, std::nullopt);
}

std::unique_ptr<BufferedStore> open_buffered_files(Env& env, const std::string& path, const OpenOptions& options) {
  const std::uint64_t limit = options.buffer.value_or(BufferOptions{}).limit_bytes;
  std::unique_ptr<OwnedFiles> files = open_owned_files(env, path, options);
  std::optional<Buffered::JournalSettings> journal;
  if (options.durability != Durability::memory) {
    journal = {.id = buffer_journal_id(load_marker(files->directory()).uuid),
               .boot_id = env.boot_id(),
               .synced = options.durability == Durability::sync};
  }
  OwnedFiles* const owned = files.get();
  return std::make_unique<Buffered>(std::move(files), owned, limit, journal);
}

}  // namespace accrete
