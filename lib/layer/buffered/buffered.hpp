// A buffer over a store: batches are journaled, if there is a journal, and their bytes gathered by key, until they make
// large writes.
//
//   append ──> journal ──> gathered values ──> the store below
//
// Batches that come at the same time share a record of the journal. Batches of large entries go straight down, after
// what is gathered for their keys, unless each batch is to be synced. A thread of its own hands keys down once they
// have gathered enough for a large write, and the largest ones when memory gets short. The journal says where in its
// value each entry begins (layer/buffered/buffer_journal.hpp), so that after a kill it is known what was handed down.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/fair_shared_mutex.hpp"
#include "dataset/dataset.hpp"
#include "layer/buffered/batch_ids.hpp"
#include "layer/buffered/batch_queue.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "layer/buffered/gathered_values.hpp"
#include "os/at_fork.hpp"
#include "os/system.hpp"

namespace accrete {

class Buffered final : public BufferedStore, private AtFork {
 public:
  struct Settings {
    std::uint64_t limit_bytes = 0;
    /// The store below, if it is a dataset that this process has for itself.
    OwnedDataset* owned = nullptr;
    /// None: appends are only in memory until they are handed down.
    std::optional<BufferJournal::Settings> journal{};
    /// So much of a segment is used before the other one is written over.
    std::uint64_t write_over_bytes = 0;
    LostAppendsHandler on_lost_appends{};
  };

  Buffered(std::unique_ptr<Store> below, Settings settings);
  /// Hands everything down and removes the journal, or tells what is lost.
  ~Buffered() override;
  Buffered(const Buffered&) = delete;
  Buffered& operator=(const Buffered&) = delete;

  [[nodiscard]] Durability durability() const noexcept override;
  void append_batches(std::span<SubmittedBatch> batches) override;
  [[nodiscard]] WriterId session_writer(const WriterId& session) const override;
  [[nodiscard]] std::vector<BatchId> last_sequences_before() const override { return last_sequences_before_; }
  [[nodiscard]] std::uint64_t forgotten_before() const override { return forgotten_before_; }
  void end_session(const WriterId& session, std::span<const WriterId> own_writers) override;
  [[nodiscard]] LocatedValues locate(std::span<const std::string_view> keys,
                                     const std::function<void(std::uint64_t)>& reserve) const override;

 private:
  using Batches = std::span<const SubmittedBatch* const>;

  /// A change of the store below that has been begun. One whose outcome could not be learned stays, and whoever takes
  /// the order next asks again.
  struct Change {
    enum class Kind { flush, erase, drop, append };
    Kind kind = Kind::flush;
    std::uint64_t step = 0;                      // of the journal, of an erase or a drop
    GatheredValues::Taken taken{};               // to be flushed
    std::string key{};                           // to be erased; of a flush: one that gets bytes
    std::optional<std::uint64_t> stored_size{};  // of that one, before the flush
    std::optional<BatchId> id{};                 // of what is to be appended

    [[nodiscard]] bool is_removal() const noexcept { return kind == Kind::erase || kind == Kind::drop; }
  };

  /// The locks and what they guard. A forked child gets a new one: in the old one other threads may stand.
  struct State {
    // Taken in this order.
    BatchQueue queue;
    std::mutex saving;      // what the store below is told of ids, so that it learns of none that has ended
    FairSharedMutex order;  // what is below and what is gathered do not change places while a reader has it shared
    std::mutex mutex;       // guards all below

    bool is_writing = false;         // somebody has written to the journal, and gathered or removed nothing of it yet
    std::condition_variable room;    // bytes have been handed down, or could not be, or nobody is writing any more
    std::condition_variable wanted;  // the flusher has something to do
    GatheredValues values;
    BatchIds ids;
    std::exception_ptr failure;  // of the flusher, until somebody has been told
    std::uint64_t flushes = 0;
    std::uint64_t removals = random_u64();  // so that it is not, with the number below, what another buffer's was
    std::uint64_t flushers = 0;             // that remember numbers of keys
    bool closing = false;
    std::thread flusher;

    // Keys with bytes in the journal's segment before, as far as they are not known to be below, and how many they
    // were.
    GatheredValues::Numbers owed;
    std::size_t owed_at_first = 0;
    std::uint64_t write_over_from = 0;  // bytes of the journal's segment: before, it has been tried in vain

    std::optional<Change> change;      // changed with `order` held, too
    std::vector<std::string> claimed;  // sorted: nothing is gathered for keys that are being appended below

    std::uint64_t step = 0;  // of the journal; under `order`
  };

  /// Keeps the mutex open, and others from writing, as long as it lives.
  class Writing {
   public:
    Writing(State& state, std::unique_lock<std::mutex>& lock) : state_(state), lock_(lock) {
      state_.is_writing = true;
      lock_.unlock();
    }
    ~Writing() {
      lock_.lock();
      state_.is_writing = false;
      state_.room.notify_all();
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

   private:
    State& state_;
    std::unique_lock<std::mutex>& lock_;
  };

  /// Batches that share a record of the journal.
  struct Run {
    std::vector<SubmittedBatch*> batches{};
    std::uint64_t bytes = 0;
  };

  // buffered.cpp: opening, closing, and what is known of ids
  [[nodiscard]] bool has_journal() const noexcept { return settings_.journal.has_value(); }
  /// Batches survive power loss once they are gathered.
  [[nodiscard]] bool is_synced() const noexcept { return settings_.journal && settings_.journal->synced; }
  [[nodiscard]] bool owns_below() const noexcept { return settings_.owned != nullptr; }
  void start_journal();
  void close();
  [[nodiscard]] std::string what_is_left(const std::exception& error) const;
  void check_owner() const;
  void before_fork() override;
  void after_fork_in_parent() noexcept override;
  void after_fork_in_child() noexcept override;
  [[nodiscard]] std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override;
  /// As above, and keeps it in mind: for the thread that applies batches.
  [[nodiscard]] std::optional<std::uint64_t> learn_last_sequence(const WriterId& writer);
  void save_ids();

  // buffered_append.cpp: batches that come at the same time
  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override;
  /// What is too large to be gathered goes straight down.
  [[nodiscard]] std::uint64_t do_max_batch_bytes() const override { return max_batch_below_; }
  void apply(std::span<SubmittedBatch* const> batches) noexcept;
  void take_up(SubmittedBatch& batch);
  [[nodiscard]] bool must_go_down(const SubmittedBatch& batch, std::uint64_t bytes) const noexcept;
  [[nodiscard]] bool is_large(std::span<const Entry> entries, std::uint64_t bytes) const noexcept;
  [[nodiscard]] bool is_applied(const std::optional<BatchId>& id);
  void refuse_forgotten(const BatchId& id);
  void add(SubmittedBatch& batch, std::uint64_t bytes);
  void remember(const SubmittedBatch& batch);
  void add_session_only(SubmittedBatch& batch);
  void append_below(SubmittedBatch& batch);
  void refuse(SubmittedBatch& batch, const std::exception_ptr& failure);
  void throw_if_refused(const WriterId& session) const;
  void finish_run() noexcept;

  // buffered_gather.cpp: journaling and gathering, in one order
  [[nodiscard]] std::unique_lock<std::mutex> gather(Batches batches, std::uint64_t bytes);
  [[nodiscard]] std::unique_lock<std::mutex> enter(Batches batches, std::uint64_t bytes);
  [[nodiscard]] bool must_wait_for_change(Batches batches) const;
  /// The store below.
  [[nodiscard]] bool limits_batches() const noexcept {
    return max_batch_below_ != std::numeric_limits<std::uint64_t>::max();
  }
  [[nodiscard]] GatheredValues::Numbers too_full(Batches batches, std::uint64_t bytes) const;
  void make_room_in_journal(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool must_pay() const;
  [[nodiscard]] bool may_write_over() const;
  void write_over(std::unique_lock<std::mutex>& lock);
  void pay(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool has_segment_before(std::uint32_t segment) const;
  void gather_without_journal(Batches batches);
  void journal_and_gather(Batches batches, std::unique_lock<std::mutex>& lock);
  void find_keys(Batches batches, std::uint32_t segment);
  void encode_record(Batches batches);
  [[nodiscard]] GatheredValues::End look_up_end(const std::string& key) const;
  void take_back_told() noexcept;
  void journal_ended(std::span<const BatchId> ended);

  // buffered_flush.cpp: handing down what is gathered, when memory or the journal is short of room, or somebody asks
  using Choice = std::function<GatheredValues::Numbers()>;
  [[nodiscard]] static std::unique_lock<std::mutex> lock_amid_appends(std::mutex& mutex);
  void do_flush() override;
  void do_sync() override;
  [[nodiscard]] bool has_room(std::uint64_t bytes) const;
  [[nodiscard]] bool is_short_of_memory() const noexcept;
  [[nodiscard]] bool must_flush() const noexcept;
  void ensure_flusher();
  void wait_for_room(std::unique_lock<std::mutex>& lock, std::uint64_t bytes);
  void throw_failure();
  void flush_in_background(State& state);
  void stop_flusher() noexcept;
  void flush_gathered();
  void flush_all();
  void flush_keys(const Choice& choose);
  void flush_some(GatheredValues::Numbers& numbers);
  void note_stored_size(Change& flush) const;

  // buffered_change.cpp: changes of the store below, one after the other
  void do_erase(std::string_view key) override;
  void do_drop() override;
  void remove(Change removal, const std::function<void()>& below);
  void check_removable(const Change& removal) const;
  void append_below(std::span<const Entry> entries, const AppendOptions& options);
  void append_claimed(std::span<const Entry> entries, const AppendOptions& options);
  void claim(std::span<const Entry> entries);
  void end_claim() noexcept;
  void journal_step(const BufferStep& step) const;
  void carry_out(const std::function<void()>& work);
  [[nodiscard]] bool try_end_change() const noexcept;
  void end_change(bool is_done) const;
  [[nodiscard]] bool is_done(const Change& change) const;
  /// The order, once the change is ended whose outcome was not known.
  [[nodiscard]] std::unique_lock<FairSharedMutex> lock_order() const;
  [[nodiscard]] std::shared_lock<FairSharedMutex> share_order() const;

  // buffered_read.cpp: what is below, and after it what is gathered
  [[nodiscard]] std::string do_get(std::string_view key) const override;
  [[nodiscard]] std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override;
  [[nodiscard]] std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override;
  [[nodiscard]] std::size_t do_get_range_into(std::string_view key, std::uint64_t offset,
                                              std::span<char> to) const override;
  [[nodiscard]] std::optional<std::uint64_t> do_size(std::string_view key) const override;
  [[nodiscard]] std::vector<KeySize> do_list(const ListOptions& options) const override;
  [[nodiscard]] std::uint64_t do_removals() const override;
  [[nodiscard]] Stats do_stats() const override;
  // Attributes have nothing to do with what is gathered: they go straight down, and survive power loss there.
  [[nodiscard]] std::optional<std::string> do_attribute(std::string_view name) const override {
    return below_->attribute(name);
  }
  [[nodiscard]] std::vector<std::string> do_attributes() const override { return below_->attributes(); }
  bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                        const AttributeOptions& options) override {
    return below_->set_attribute(name, value, options);
  }
  void copy_gathered(std::string_view key, std::uint64_t offset, std::uint64_t size, std::string& to) const;
  void copy_gathered_after(std::string_view key, std::uint64_t offset, std::uint64_t size, std::uint64_t size_below,
                           std::string& to) const;
  [[nodiscard]] bool has_value_below(std::string_view key) const;
  [[nodiscard]] bool is_empty_below() const;
  void look_up_unknown_keys() const;

  const Settings settings_;
  const std::uint64_t max_record_bytes_;
  const std::uint64_t max_run_bytes_;
  const std::vector<BatchId> last_sequences_before_;
  const std::uint64_t session_secret_;
  const std::uint64_t forgotten_before_;  // a dataset has none before it has been asked for its secret
  const std::unique_ptr<Store> below_;
  const std::uint64_t max_batch_below_;
  const std::uint64_t max_gathered_bytes_;  // of a batch
  bool is_inherited_ = false;               // of a dataset that the parent process has for itself
  std::unique_ptr<State> state_;

  // Used by who is writing, or under the mutex while nobody is:
  std::unique_ptr<BufferJournal> journal_;
  std::string record_;
  GatheredValues::Numbers numbers_;  // of the keys of the record's entries
  GatheredValues::Numbers untold_;   // the entries among them that get a place
  std::vector<BufferPlace> places_;

  // Used by who applies batches:
  Run run_;
  std::map<WriterId, std::exception_ptr> refused_;  // sessions of which one of these batches was refused
};

}  // namespace accrete
