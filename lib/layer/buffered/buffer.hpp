// What a buffer holds, and its ways down to the store below: what `buffered` is built of.
//
//   append ──> journal, if there is one ──> gathered values ──> the store below
//
// Batches of large entries go straight down, behind what is gathered for their keys, unless each batch is to be synced.
// A thread of its own hands keys down once they have gathered enough for a large write, and the largest ones when
// memory gets short. The journal says where in its value each entry begins (layer/buffered/buffer_journal.hpp), so that
// after a kill it is known what was handed down.
#pragma once

#include <accrete/accrete.hpp>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
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
#include "layer/buffered/buffer_journal.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "layer/buffered/gathered_values.hpp"
#include "os/system.hpp"

namespace accrete {

class Buffer {
 public:
  struct Settings {
    std::uint64_t limit_bytes = 0;
    /// The store below, if it is a dataset that this process has for itself.
    OwnedDataset* owned = nullptr;
    /// None: appends are only in memory until they are handed down.
    std::optional<BufferJournal::Settings> journal{};
  };

  Buffer(Store& below, const Settings& settings);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] bool has_journal() const noexcept { return settings_.journal.has_value(); }
  /// Batches survive power loss once they are gathered.
  [[nodiscard]] bool is_synced() const noexcept { return settings_.journal && settings_.journal->synced; }
  [[nodiscard]] bool owns_below() const noexcept { return settings_.owned != nullptr; }

  /// Whether a batch, of so many bytes in all, is better appended below than gathered: it is too large, or its entries
  /// make large writes as they are.
  [[nodiscard]] bool is_large(std::span<const Entry> entries, std::uint64_t bytes) const noexcept;

  /// Journals and gathers a batch without an id: all of it or nothing. Waits for room. `bytes`: of its record.
  void gather(std::span<const Entry> entries, std::uint64_t bytes);

  /// From now on last_sequence tells so of the batch, which must be in the next call of `gather`.
  void remember(const GroupedBatch& batch);

  /// As above, for batches that are remembered: all or none. For one thread at a time.
  void gather(std::span<GroupedBatch* const> batches, std::uint64_t bytes);

  /// Appends to the store below at once, behind what is gathered for the same keys.
  void append_below(std::span<const Entry> entries, const AppendOptions& options);

  /// Hands down all that is gathered, and tells the store below which batches it has. First throws what the buffer's
  /// own thread has met since the last call.
  void flush();

  /// What has returned survives power loss.
  void sync();

  void erase(std::string_view key);
  void drop();

  [[nodiscard]] std::string get(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> get_batch(std::span<const std::string_view> keys) const;
  [[nodiscard]] LocatedValues locate(std::span<const std::string_view> keys,
                                     const std::function<void(std::uint64_t)>& reserve) const;
  [[nodiscard]] std::string get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const;
  [[nodiscard]] std::size_t get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const;
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key) const;
  [[nodiscard]] std::vector<KeySize> list(const ListOptions& options) const;
  [[nodiscard]] std::uint64_t removals() const;
  [[nodiscard]] Stats stats() const;

  /// The highest sequence that was applied, here or below.
  [[nodiscard]] std::optional<std::uint64_t> last_sequence(const WriterId& writer) const;
  /// As above, and keeps it in mind: for the thread that gathers batches.
  [[nodiscard]] std::optional<std::uint64_t> learn_last_sequence(const WriterId& writer);
  /// Whether the dataset may have known this writer, one of a client's own making, and forgotten it.
  [[nodiscard]] bool may_have_forgotten(const WriterId& writer) const;
  /// Under which the batches of a client's session count: a writer that nobody can say from outside.
  [[nodiscard]] WriterId session_writer(const WriterId& session) const;
  /// No batch of these writers will come again: they leave nothing behind, also after a kill. For the thread that
  /// gathers batches. When it throws, some may be remembered on.
  void end_writers(std::span<const WriterId> writers);

  /// Hands everything down and removes the journal. Nothing else may be called then.
  void close();

  void before_fork();
  void after_fork_in_parent() noexcept;
  /// The child begins with an empty buffer; of a dataset that is its parent's, it must not use it.
  void after_fork_in_child() noexcept;

 private:
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

    std::optional<Change> change;      // changed with `order` held, too
    std::vector<std::string> claimed;  // sorted: nothing is gathered for keys that are being appended below

    std::uint64_t step = 0;  // of the journal; under `order`

    // Taken before those above: what the store below is told of ids, so that it learns of none that has ended.
    std::mutex saving;
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

  // buffer.cpp
  void start_journal();
  [[nodiscard]] std::uint64_t max_bytes_gathered() const noexcept;
  [[nodiscard]] std::unique_lock<std::mutex> enter(std::span<const BufferedBatch> batches, std::uint64_t bytes);
  [[nodiscard]] bool must_wait_for_change(std::span<const BufferedBatch> batches) const;
  void make_room_in_journal(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool has_stage_before(std::uint32_t stage) const;
  void gather_without_journal(std::span<const BufferedBatch> batches);
  void journal_and_gather(std::span<const BufferedBatch> batches, std::unique_lock<std::mutex>& lock);
  void find_keys(std::span<const BufferedBatch> batches, std::uint32_t stage);
  void encode_record(std::span<const BufferedBatch> batches);
  void journal_ended(std::span<const BatchId> ended);
  [[nodiscard]] GatheredValues::End look_up_end(const std::string& key) const;
  void take_back_told() noexcept;
  void check_owner() const;

  // buffer_flush.cpp
  using Choice = std::function<GatheredValues::Numbers()>;
  [[nodiscard]] bool has_room(std::uint64_t bytes) const;
  [[nodiscard]] bool is_short_of_memory() const noexcept;
  [[nodiscard]] bool must_flush() const noexcept;
  void ensure_flusher();
  void wait_for_room(std::unique_lock<std::mutex>& lock, std::uint64_t bytes);
  void throw_failure();
  void flush_in_background(State& state);
  void stop_flusher() noexcept;
  void flush_all();
  void flush_keys(const Choice& choose);
  void flush_round(GatheredValues::Numbers& numbers);
  void flush_some(GatheredValues::Numbers& numbers);
  void note_stored_size(Change& flush) const;
  void remove(Change removal, const std::function<void()>& below);
  void check_removable(const Change& removal) const;
  void claim(std::span<const Entry> entries);
  void end_claim() noexcept;
  void append_claimed(std::span<const Entry> entries, const AppendOptions& options);
  void journal_step(const BufferStep& step) const;
  void carry_out(const std::function<void()>& work);
  [[nodiscard]] bool try_end_change() const noexcept;
  void end_change(bool is_done) const;
  [[nodiscard]] bool is_done(const Change& change) const;
  void save_ids();
  [[nodiscard]] std::unique_lock<FairSharedMutex> lock_order() const;
  [[nodiscard]] std::shared_lock<FairSharedMutex> share_order() const;

  // buffer_read.cpp
  void copy_gathered(std::string_view key, std::uint64_t offset, std::uint64_t size, std::string& to) const;
  void copy_gathered_behind(std::string_view key, std::uint64_t offset, std::uint64_t size, std::uint64_t size_below,
                            std::string& to) const;
  [[nodiscard]] bool has_value_below(std::string_view key) const;
  [[nodiscard]] bool is_empty_below() const;
  void look_up_unknown_keys() const;

  Store& below_;
  const Settings settings_;
  const std::uint64_t max_record_bytes_;
  const std::uint64_t session_secret_;
  bool is_inherited_ = false;  // of a dataset that the parent process has for itself
  std::unique_ptr<State> state_;

  // Used by who is writing, or under the mutex while nobody is:
  std::unique_ptr<BufferJournal> journal_;
  std::string record_;
  GatheredValues::Numbers numbers_;  // of the keys of the record's entries
  GatheredValues::Numbers untold_;   // the entries among them that get a place
  std::vector<BufferPlace> places_;

  std::vector<BufferedBatch> batches_;  // used by the thread that gathers groups
};

}  // namespace accrete
