#include "layer/buffered/buffer_replay.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/escape.hpp"
#include "base/hash.hpp"
#include "codec/batch_encoder.hpp"
#include "dataset/names.hpp"
#include "layer/buffered/buffer_records.hpp"
#include "layer/buffered/stored_bytes.hpp"

namespace accrete {
namespace {

constexpr std::uint64_t max_gathered_bytes = std::uint64_t{32} << 20;

struct KeyHash {
  using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
  std::size_t operator()(std::string_view key) const noexcept { return hash64(key); }
};
template <typename Value>
using ByKey = std::unordered_map<std::string, Value, KeyHash, std::equal_to<>>;

/// The erases and drops of a journal, and what has become of them.
class Removals {
 public:
  explicit Removals(std::vector<std::string>& problems) : problems_(problems) {}

  void add(std::uint64_t record, const BufferStep& step) {
    const bool fits =
        number_ == 0 || (is_outcome(step) ? step.number == number_ : step.number == number_ + 1 && !begun_);
    if (!fits) problems_.push_back("its step " + std::to_string(step.number) + " does not follow the one before it");
    number_ = step.number;
    // What became of it is lost. Something was appended after it, so that it has ended.
    if (!is_outcome(step) && begun_) count_begun();
    if (!is_outcome(step)) begun_.emplace(Removal{step.kind, record, std::string(step.key)});
    if (step.kind == BufferStep::Kind::done && begun_) count_begun();
    if (is_outcome(step)) begun_.reset();
  }

  /// That of which nothing is said is to be done again.
  void end() {
    if (!begun_) return;
    undone_ = begun_->record;
    count_begun();
  }

  /// Whether an entry for `key` in this record has been removed since.
  [[nodiscard]] bool covers(std::string_view key, std::uint64_t record) const {
    if (record < drop_) return true;
    const auto found = erases_.find(key);
    return found != erases_.end() && record < found->second;
  }

  [[nodiscard]] bool is_to_be_done(std::uint64_t record) const noexcept { return record == undone_; }

 private:
  struct Removal {
    BufferStep::Kind kind;
    std::uint64_t record;
    std::string key;
  };

  void count_begun() {
    if (begun_->kind == BufferStep::Kind::drop) {
      drop_ = begun_->record;
    } else {
      erases_.insert_or_assign(std::move(begun_->key), begun_->record);
    }
    begun_.reset();
  }

  std::vector<std::string>& problems_;
  std::uint64_t number_ = 0;      // of the last one; numbers begin with 1
  std::optional<Removal> begun_;  // and not known to be done or not
  ByKey<std::uint64_t> erases_;   // key → record
  std::uint64_t drop_ = 0;
  std::uint64_t undone_ = 0;
};

/// Whole records may still hold nonsense.
std::optional<BufferPayload> try_decode(const std::string& payload) {
  try {
    return decode_buffer_payload(payload);
  } catch (const CorruptionError&) {
    return std::nullopt;
  }
}

/// Goes over the journal and compares its entries with the values. Tells a function what is missing there.
class Replay {
 public:
  struct Work {
    std::function<void(std::span<const Entry>)> append = [](std::span<const Entry>) {};
    std::function<void(const BufferStep&)> remove = [](const BufferStep&) {};
  };

  Replay(const OwnedDataset& dataset, BufferRecords& records, Misfit misfit, Work work)
      : dataset_(dataset),
        records_(records),
        misfit_(misfit),
        work_(std::move(work)),
        stored_bytes_(dataset, dataset.marker().codec.has_value()) {}

  void run() {
    records_.for_each([&](const BufferRecords::Record& record) {
      const std::optional<BufferPayload> payload = try_decode(record.payload);
      if (payload && payload->step) removals_.add(record.number, *payload->step);
    });
    removals_.end();
    records_.for_each([&](BufferRecords::Record&& record) { take_up(std::move(record)); });
    settle();
    for (Value& value : states_) settle_unplaced(value);
    settle();
  }

  /// Once it was run: what is damaged or does not fit.
  [[nodiscard]] std::vector<std::string> problems() const {
    std::vector<std::string> all = records_.damage();
    all.insert(all.end(), problems_.begin(), problems_.end());
    if (untold_refusals_ > 0) all.push_back("so it is with " + std::to_string(untold_refusals_) + " more keys");
    return all;
  }
  [[nodiscard]] const BufferReplay::NotHandedDown& not_handed_down() const noexcept { return not_handed_down_; }
  /// What the store is to forget before it is told the sequences.
  [[nodiscard]] const std::vector<BatchId>& ended() const noexcept { return ended_; }
  [[nodiscard]] std::vector<BatchId> sequences() const {
    std::vector<std::pair<std::uint64_t, BatchId>> in_order;
    in_order.reserve(sequences_.size());
    for (const auto& [writer, last] : sequences_) in_order.push_back({last.place, {writer, last.sequence}});
    std::ranges::sort(in_order, {}, &std::pair<std::uint64_t, BatchId>::first);
    std::vector<BatchId> ids;
    ids.reserve(in_order.size());
    for (const auto& [place, id] : in_order) ids.push_back(id);
    return ids;
  }

 private:
  /// Entries, one after the other, of which it is not known where they begin.
  struct Unplaced {
    std::string bytes{};
    std::vector<std::uint64_t> ends{};  // of each
  };

  /// What is known of a key.
  struct State {
    std::uint64_t stored = 0;  // places count from after so many bytes of its file
    std::uint64_t next = 0;    // where its next entry begins
    std::uint64_t size = 0;    // of what is there, with what has been appended
    bool is_placed = false;    // `stored` and `next` are known
    bool is_sized = false;     // `size` and `exists` are known
    bool exists = false;
    bool is_appended = false;  // by this replay
    bool is_refused = false;   // nothing more is appended
    bool is_counted = false;   // among the keys of which something was not handed down
    bool has_lost = false;     // some of its entries may be gone with what is damaged
    std::uint64_t lost = 0;    // as many bytes, of those that would stand before what is after the damage
    Unplaced unplaced{};
  };
  using Value = ByKey<State>::value_type;

  struct Gathered {
    Value* value = nullptr;
    std::uint64_t begin = 0;
    std::string_view bytes{};
    std::uint64_t entries = 1;

    [[nodiscard]] std::uint64_t end() const noexcept { return begin + bytes.size(); }
  };

  void take_up(BufferRecords::Record&& record) {
    payloads_.push_back(std::move(record.payload));
    const std::optional<BufferPayload> payload = try_decode(payloads_.back());
    if (!payload)
      problems_.emplace_back("one of its records is whole, but holds neither batches nor a step, nor what has ended");
    if (!payload || record.is_after_damage) forget_places();
    if (payload && payload->step && removals_.is_to_be_done(record.number)) remove(*payload->step);
    if (payload) gather(*payload, record.number);
    if (payload) end_writers(payload->ended);
    if (gathered_bytes_ >= max_gathered_bytes) settle();
    if (gathered_.empty()) payloads_.clear();
  }

  void gather(const BufferPayload& payload, std::uint64_t record) {
    auto place = payload.places.begin();
    std::uint32_t number = 0;
    for (const BufferedBatch& batch : payload.batches) {
      for (const auto& id : {batch.id, batch.session}) {
        if (!id) continue;
        Last& last = sequences_[id->writer];
        last = {.sequence = std::max(last.sequence, id->sequence), .place = ++places_};
      }
      for (const Entry& entry : batch.entries) {
        const bool has_place = place != payload.places.end() && place->entry == number;
        ++number;
        const BufferPlace* const given = has_place ? &*place++ : nullptr;
        if (!removals_.covers(entry.key, record)) gather(entry, given);
      }
    }
  }

  void end_writers(const std::vector<BatchId>& ended) {
    for (const BatchId& id : ended) sequences_.erase(id.writer);
    ended_.insert(ended_.end(), ended.begin(), ended.end());
  }

  void gather(const Entry& entry, const BufferPlace* given) {
    const auto found = states_.find(entry.key);
    Value& value = found != states_.end() ? *found : *states_.try_emplace(std::string(entry.key)).first;
    State& state = value.second;
    state.has_lost = state.has_lost || (found == states_.end() && is_after_damage_);
    if (given) set_place(value, *given);
    const bool is_placed = state.is_placed || (!state.is_refused && try_place(value));
    if (state.is_refused) return count_not_handed_down(value, 1, entry.bytes.size());
    if (!is_placed) {
      state.unplaced.bytes += entry.bytes;
      state.unplaced.ends.push_back(state.unplaced.bytes.size());
      return;
    }
    gathered_.push_back({.value = &value, .begin = state.next, .bytes = entry.bytes});
    state.next += entry.bytes.size();
    gathered_bytes_ += sizeof(Gathered) + entry.bytes.size();
  }

  void set_place(Value& value, const BufferPlace& place) {
    State& state = value.second;
    if (state.stored != place.stored) {
      settle();  // what counts from elsewhere
      // It counts from the end of the file, where all that stands before must have been.
      if (state.is_appended) refuse(value, "lacks bytes, though others that stand after them were handed down");
      state.is_sized = false;
    }
    state.stored = place.stored;
    state.next = place.after;
    state.is_placed = true;
    if (!state.unplaced.ends.empty()) place_unplaced(value, place.after);
  }

  /// Whatever else has changed the value before this place was taken, they had been handed down before that. Otherwise
  /// they end where the entry with this place begins.
  void place_unplaced(Value& value, std::uint64_t end) {
    Unplaced unplaced = std::exchange(value.second.unplaced, {});
    if (!value.second.is_sized) try_load_size(value);
    if (!value.second.is_refused && value.second.size >= end) return;
    const std::string& bytes = kept_.emplace_back(std::move(unplaced.bytes));
    const std::uint64_t there = bytes.size() - std::min<std::uint64_t>(bytes.size(), end);
    gathered_.push_back({.value = &value,
                         .begin = end - (bytes.size() - there),
                         .bytes = std::string_view(bytes).substr(there),
                         .entries = unplaced.ends.size()});
    gathered_bytes_ += sizeof(Gathered) + bytes.size();
  }

  /// Of an entry without a place it is known where it begins if nothing of its key has been handed down since the last
  /// one that is whole.
  bool try_place(Value& value) {
    State& state = value.second;
    if (!state.unplaced.ends.empty()) return false;
    const bool is_first = !state.is_sized && state.next == 0;
    if (is_first) try_load_size(value);
    if (state.is_refused) return false;
    state.is_placed = is_first ? !state.exists : state.is_sized && state.size == state.next;
    if (!state.is_placed && misfit_ == Misfit::refuse) refuse_unplaced(value);
    return state.is_placed;
  }

  void refuse_unplaced(Value& value) {
    refuse(value, "may or may not have what stands after the damage");
    const Unplaced unplaced = std::exchange(value.second.unplaced, {});
    count_not_handed_down(value, unplaced.ends.size(), unplaced.bytes.size());
  }

  /// Once all is known that follows them.
  void settle_unplaced(Value& value) {
    State& state = value.second;
    if (state.unplaced.ends.empty()) return;
    try {
      if (may_have_unplaced(value)) return refuse_unplaced(value);
    } catch (const CorruptionError&) {
      return refuse_unplaced(value);
    }
    const std::string& bytes = kept_.emplace_back(std::exchange(state.unplaced, {}).bytes);
    missing_.push_back({value.first, bytes});
    state.is_appended = true;
    gathered_bytes_ += bytes.size();
    if (gathered_bytes_ >= max_gathered_bytes) settle();
  }

  /// Whether the value ends with the first ones.
  bool may_have_unplaced(const Value& value) {
    const State& state = value.second;
    const std::string& bytes = state.unplaced.bytes;
    const std::uint64_t max_size = std::min<std::uint64_t>(bytes.size(), state.size - std::min(state.size, state.next));
    if (max_size == 0) return false;
    const std::string tail = stored_bytes_.load(value.first, state.stored, state.size - max_size);
    const auto is_there = [&](std::uint64_t size) {
      return size > 0 && tail.ends_with(std::string_view(bytes).substr(0, size));
    };
    if (records_.is_synced()) return std::ranges::any_of(state.unplaced.ends, is_there);
    for (std::uint64_t size = 1; size <= max_size; ++size) {
      if (is_there(size)) return true;
    }
    return false;
  }

  void forget_places() {
    settle();
    is_after_damage_ = true;
    for (Value& value : states_) {
      // The value may have them all, and after them what is lost now.
      if (!value.second.unplaced.ends.empty()) refuse_unplaced(value);
      value.second.is_placed = false;
      value.second.has_lost = true;
    }
  }

  void remove(const BufferStep& step) {
    settle();
    if (step.kind == BufferStep::Kind::drop) {
      states_.clear();
      removed_all_ = true;
    } else {
      if (const auto found = states_.find(step.key); found != states_.end()) states_.erase(found);
      removed_.emplace(step.key);
    }
    work_.remove(step);
  }

  /// Appends what is missing of all that is gathered.
  void settle() {
    const auto is_before = [](const Gathered& left, const Gathered& right) {
      return std::less<>{}(left.value, right.value);
    };
    std::ranges::stable_sort(gathered_, is_before);
    for (std::span<const Gathered> left(gathered_); !left.empty();) {
      std::size_t size = 1;
      while (size < left.size() && left[size].value == left[0].value && left[size].begin == left[size - 1].end())
        ++size;
      settle_run(left.first(size));
      left = left.subspan(size);
    }
    if (!missing_.empty()) work_.append(missing_);
    missing_.clear();
    kept_.clear();
    gathered_.clear();
    gathered_bytes_ = 0;
  }

  /// Of entries of one key, one after the other.
  void settle_run(std::span<const Gathered> run) {
    Value& value = *run.front().value;
    State& state = value.second;
    try {
      if (!state.is_sized && !state.is_refused) load_size(value);
      if (!state.is_refused) check_fits(value, run);
    } catch (const CorruptionError& error) {
      refuse(value, std::string("cannot be read: ") + error.what());
    }
    if (state.is_refused) {
      for (const Gathered& entry : run) count_not_handed_down(value, entry.entries, entry.bytes.size());
      return;
    }
    const std::uint64_t lost = run.front().begin - std::min(run.front().begin, state.size);
    const std::size_t missing_before = missing_.size();
    for (const Gathered& entry : run) {
      const std::uint64_t begin = entry.begin - lost;
      if (entry.end() - lost <= state.size) continue;
      missing_.push_back({value.first, entry.bytes.substr(std::max(state.size, begin) - begin)});
    }
    if (!state.exists)
      missing_.insert(missing_.begin() + static_cast<std::ptrdiff_t>(missing_before), {value.first, ""});
    state.is_appended = state.is_appended || missing_.size() > missing_before;
    state.exists = true;
    state.size = std::max(state.size, run.back().end() - lost);
  }

  /// Refuses the value unless the run begins within it, or at its end, and the value has the same bytes as far as it
  /// goes. What is to be handed down after damage may begin where the value would end with what is lost.
  void check_fits(Value& value, std::span<const Gathered> run) {
    State& state = value.second;
    const std::uint64_t begin = run.front().begin;
    if (state.size < begin) {
      const std::string why =
          "has " + std::to_string(state.size) + " bytes where " + std::to_string(begin) + " must be";
      if (misfit_ == Misfit::refuse || !state.has_lost) return refuse(value, why);
      if (std::exchange(state.lost, begin - state.size) == 0) tell(value, why);
      return;
    }
    if (state.size == begin) return;
    if (state.is_appended) return refuse(value, "has appends that do not follow each other");
    std::vector<std::string_view> there;
    for (const Gathered& entry : run) {
      if (entry.begin < state.size) there.push_back(entry.bytes.substr(0, state.size - entry.begin));
    }
    if (stored_bytes_.matches(value.first, state.stored, begin, there)) return;
    refuse(value, "has other bytes than were handed down");
  }

  void try_load_size(Value& value) {
    try {
      load_size(value);
    } catch (const CorruptionError& error) {
      refuse(value, std::string("cannot be read: ") + error.what());
    }
  }

  void load_size(Value& value) {
    auto& [key, state] = value;
    const bool is_removed = removed_all_ || removed_.contains(key);
    const std::optional<std::uint64_t> stored = is_removed ? std::nullopt : dataset_.size(key);
    if (stored.value_or(0) < state.stored) return refuse(value, "has lost bytes that were handed down");
    state.size = stored ? stored_bytes_.size_after(key, state.stored, *stored) : 0;
    state.exists = stored.has_value();
    state.is_sized = true;
  }

  void count_not_handed_down(Value& value, std::uint64_t entries, std::uint64_t bytes) {
    if (entries == 0) return;
    not_handed_down_.keys += value.second.is_counted ? 0 : 1;
    not_handed_down_.entries += entries;
    not_handed_down_.bytes += bytes;
    value.second.is_counted = true;
  }

  void refuse(Value& value, const std::string& why) {
    value.second.is_refused = true;
    tell(value, why);
  }

  void tell(const Value& value, const std::string& why) {
    constexpr std::size_t max_told = 20;
    if (told_refusals_ == max_told) {
      ++untold_refusals_;
      return;
    }
    ++told_refusals_;
    problems_.push_back("the value of key " + quoted(value.first) + " " + why);
  }

  const OwnedDataset& dataset_;
  BufferRecords& records_;
  const Misfit misfit_;
  const Work work_;
  StoredBytes stored_bytes_;
  std::vector<std::string> problems_;
  std::size_t told_refusals_ = 0;
  std::size_t untold_refusals_ = 0;
  Removals removals_{problems_};
  bool removed_all_ = false;  // by this replay
  std::set<std::string, std::less<>> removed_;
  /// The last batch of a writer: its place is that among all.
  struct Last {
    std::uint64_t sequence = 0;
    std::uint64_t place = 0;
  };
  std::map<WriterId, Last> sequences_;
  std::uint64_t places_ = 0;
  std::vector<BatchId> ended_;
  ByKey<State> states_;
  BufferReplay::NotHandedDown not_handed_down_;
  bool is_after_damage_ = false;
  std::deque<std::string> payloads_;  // that gathered_ points into
  std::deque<std::string> kept_;      // likewise, and missing_
  std::vector<Gathered> gathered_;
  std::uint64_t gathered_bytes_ = 0;
  std::vector<Entry> missing_;
};

}  // namespace

BufferReplay replay_buffer_journal(OwnedDataset& dataset, BufferRecords& records, Misfit misfit) {
  std::optional<BatchEncoder> encoder;
  if (dataset.marker().codec) encoder.emplace(*dataset.marker().codec);
  const auto append = [&](std::span<const Entry> entries) {
    dataset.append_batch(encoder ? encoder->encode(entries) : entries);
  };
  const auto remove = [&](const BufferStep& step) {
    records.sync([&] { dataset.note_failed_sync(); });  // its buffer may have been killed before it could
    if (step.kind == BufferStep::Kind::drop) return dataset.drop();
    dataset.erase(step.key);
  };
  Replay replay(dataset, records, misfit, {.append = append, .remove = remove});
  replay.run();
  for (const BatchId& last : replay.ended()) dataset.forget_writer(last);
  // The latest last: of sessions, only so many are remembered.
  for (const BatchId& id : replay.sequences()) dataset.append_batch({}, {.id = id});
  if (records.is_synced()) dataset.sync();
  return {.misfits = replay.problems(), .not_handed_down = replay.not_handed_down()};
}

std::vector<std::string> check_buffer_journal(OwnedDataset& dataset, BufferRecords& records) {
  Replay replay(dataset, records, Misfit::refuse, {});
  replay.run();
  return replay.problems();
}

}  // namespace accrete
