#include "store/buffer_replay.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <unordered_map>

#include "base/escape.hpp"
#include "base/hash.hpp"
#include "store/batch_encoder.hpp"

namespace accrete {
namespace {

constexpr std::uint64_t most_gathered_bytes = std::uint64_t{32} << 20;

using Segments = std::vector<std::unique_ptr<BufferSegment>>;

/// The segments of the journal, the older first, but for `skipped` that are damaged.
Segments open_segments(Directory& directory, Damage damage, std::uint64_t& skipped) {
  Segments segments;
  for (const char* const name : buffer_journal_names) {
    try {
      if (auto segment = BufferSegment::try_open(directory, name)) segments.push_back(std::move(segment));
    } catch (const CorruptionError&) {
      if (damage == Damage::refuse) throw;
      ++skipped;
    }
  }
  const auto older = [](const auto& left, const auto& right) { return left->header().number < right->header().number; };
  std::sort(segments.begin(), segments.end(), older);
  return segments;
}

/// Which entries are in the dataset already, by the steps of the journal.
class Steps {
 public:
  /// `last`: the number of the last step that the dataset knows to be done.
  explicit Steps(std::uint64_t last) : last_(last) {}

  /// False if a step is missing before this one, or the dataset does not know of one that was done before it.
  [[nodiscard]] bool fits(const BufferStep& step) const noexcept {
    return (number_ == 0 || step.number == number_ + 1) && step.applied <= last_;
  }

  void add(std::uint64_t position, const BufferStep& step) {
    number_ = step.number;
    last_ = std::max(last_, step.applied);
    // A step that failed stands last until another one, which tells so, is behind it.
    if (latest_ && latest_->number > step.applied) latest_.reset();
    commit_latest();
    latest_.emplace(Known{step.kind, step.number, position, {step.keys.begin(), step.keys.end()}});
  }
  void end() { commit_latest(); }

  /// Whether an entry for `key` in a record at `position` has been handed down, or erased since.
  [[nodiscard]] bool covers(std::string_view key, std::uint64_t position) const {
    if (position < drop_position_) return true;
    const auto found = positions_.find(key);
    return found != positions_.end() && position < found->second;
  }

  /// An erase or a drop that was begun and neither done nor failed: it is to be done at its place.
  [[nodiscard]] bool is_to_be_done(const BufferStep& step) const noexcept { return step.number == undone_; }

 private:
  struct Known {
    BufferStep::Kind kind;
    std::uint64_t number;
    std::uint64_t position;
    std::vector<std::string> keys;
  };

  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
    std::size_t operator()(std::string_view key) const noexcept { return hash64(key); }
  };

  void commit_latest() {
    if (!latest_) return;
    const bool done = latest_->number <= last_;
    if (!done && latest_->kind != BufferStep::Kind::flush) undone_ = latest_->number;
    if (done && latest_->kind == BufferStep::Kind::drop) drop_position_ = latest_->position;
    if (done) {
      for (std::string& key : latest_->keys) positions_.insert_or_assign(std::move(key), latest_->position);
    }
    latest_.reset();
  }

  std::uint64_t last_;
  std::uint64_t number_ = 0;     // of the step that was added last; numbers begin with 1
  std::optional<Known> latest_;  // not known yet to have failed
  std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>> positions_;
  std::uint64_t drop_position_ = 0;
  std::uint64_t undone_ = 0;
};

/// Power loss may have taken the steps out of a journal that was not synced, and what it still holds would be doubled.
bool counts(const Segments& segments, const BootId& boot_id) {
  if (segments.empty()) return false;
  const BufferSegmentHeader& header = segments.front()->header();
  return header.synced || header.boot_id == boot_id;
}

template <typename Visit>
void for_each_payload(const Segments& segments, const BootId& boot_id, Damage damage, Visit visit) {
  for (const auto& segment : segments) {
    segment->rewind();
    while (auto record = segment->next(boot_id, damage)) {
      visit(replay_position(segment->header().number, record->offset), std::move(record->payload));
    }
  }
}

/// What is wrong between the records, each of which is whole, goes to `tell`. `last`: as for Steps.
template <typename Tell>
Steps load_steps(const Segments& segments, const BootId& boot_id, Damage damage, std::uint64_t last, Tell tell) {
  Steps steps(last);
  for_each_payload(segments, boot_id, damage, [&](std::uint64_t position, std::string&& payload) {
    const BufferPayload decoded = decode_buffer_payload(payload);
    if (!decoded.step) return;
    if (!steps.fits(*decoded.step)) {
      tell("its step " + std::to_string(decoded.step->number) + " does not follow what was done before it");
    }
    steps.add(position, *decoded.step);
  });
  steps.end();
  // Once the second one was begun, nothing was written to the first.
  if (segments.size() == 2 && segments[0]->offset() != segments[1]->header().previous_end) {
    tell("the records of one segment end at its byte " + std::to_string(segments[0]->offset()) +
         ", and the next one was begun when they ended at " + std::to_string(segments[1]->header().previous_end));
  }
  return steps;
}

std::string damage_in(const Directory& directory, const std::string& what) {
  return "the buffer's journal in " + quoted(directory.path()) + " is damaged: " + what +
         "; copy the dataset, then run 'accrete verify --repair', which keeps what is whole";
}

class Replay {
 public:
  Replay(FilesParts& parts, FilesWriter& writer, ControlWords& words, const BootId& boot_id, Damage damage)
      : parts_(parts), writer_(writer), words_(words), boot_id_(boot_id), damage_(damage) {}

  std::uint64_t run() {
    Segments segments = open_segments(*parts_.directory, damage_, skipped_);
    if (counts(segments, boot_id_)) hand_down(segments);
    writer_.set_buffered(words_, false);
    for (const char* const name : buffer_journal_names) {
      if (parts_.directory->info(name)) parts_.directory->remove(name);
    }
    return skipped_;
  }

 private:
  void hand_down(Segments& segments) {
    const BufferSegmentHeader& header = segments.front()->header();
    if (parts_.marker.codec) encoder_.emplace(*parts_.marker.codec);
    replayer_ = replay_writer(header.journal);
    done_position_ = last_sequence(replayer_);
    const Steps steps =
        load_steps(segments, boot_id_, damage_, last_sequence(header.journal), [&](const std::string& what) {
          if (damage_ == Damage::refuse) throw CorruptionError(damage_in(*parts_.directory, what));
          ++skipped_;
        });
    for (const auto& segment : segments) skipped_ += segment->skipped();
    for_each_payload(segments, boot_id_, damage_, [&](std::uint64_t position, std::string&& payload) {
      replay(steps, position, std::move(payload));
    });
    append_gathered();
    for (const auto& [id, sequence] : sequences_) writer_.append(words_, {}, {.id = BatchId{id, sequence}});
    if (header.synced) {
      parts_.directory->sync_file_system();
      writer_.renew_journal(words_);
    }
  }

  void replay(const Steps& steps, std::uint64_t position, std::string&& payload) {
    payloads_.push_back(std::move(payload));
    const BufferPayload decoded = decode_buffer_payload(payloads_.back());
    for (const BufferedBatch& batch : decoded.batches) {
      for (const auto& id : {batch.id, batch.session}) {
        if (id) sequences_[id->writer] = std::max(sequences_[id->writer], id->sequence);
      }
    }
    if (position <= done_position_) {
      payloads_.pop_back();
      return;
    }
    if (decoded.step && steps.is_to_be_done(*decoded.step)) return perform(*decoded.step, position);
    const std::size_t gathered_before = gathered_.size();
    for (const BufferedBatch& batch : decoded.batches) {
      for (const Entry& entry : batch.entries) {
        if (!steps.covers(entry.key, position)) gather(entry);
      }
    }
    if (gathered_.size() == gathered_before) payloads_.pop_back();
    gathered_to_ = position;
    if (gathered_bytes_ >= most_gathered_bytes) append_gathered();
  }

  void gather(const Entry& entry) {
    gathered_.push_back(entry);
    gathered_bytes_ += entry.bytes.size() + sizeof(Entry);
  }

  void append_gathered() {
    if (gathered_to_ > 0) {
      const std::span<const Entry> entries = encoder_ ? encoder_->encode(gathered_) : gathered_;
      writer_.append(words_, entries, {.id = BatchId{replayer_, gathered_to_}});
    }
    gathered_.clear();
    gathered_bytes_ = 0;
    gathered_to_ = 0;
    payloads_.clear();
  }

  void perform(const BufferStep& step, std::uint64_t position) {
    const bool is_drop = step.kind == BufferStep::Kind::drop;
    const std::vector<std::string> keys(step.keys.begin(), step.keys.end());
    append_gathered();
    if (is_drop) writer_.drop(words_);
    for (const std::string& key : keys) writer_.erase(words_, key);
    writer_.append(words_, {}, {.id = BatchId{replayer_, position}});
  }

  [[nodiscard]] std::uint64_t last_sequence(const WriterId& id) {
    const auto found = parts_.writers.find(id, words_.writers);
    return found ? found->sequence : 0;
  }

  FilesParts& parts_;
  FilesWriter& writer_;
  ControlWords& words_;
  const BootId& boot_id_;
  const Damage damage_;
  std::optional<BatchEncoder> encoder_{};  // where values are not raw
  WriterId replayer_{};
  std::uint64_t done_position_ = 0;  // a replay that was killed came so far
  std::uint64_t skipped_ = 0;
  std::map<WriterId, std::uint64_t> sequences_;
  std::deque<std::string> payloads_;  // that gathered_ points into
  std::vector<Entry> gathered_;
  std::uint64_t gathered_bytes_ = 0;
  std::uint64_t gathered_to_ = 0;  // position; 0: nothing
};

}  // namespace

std::uint64_t replay_buffer_journal(FilesParts& parts, FilesWriter& writer, ControlWords& words, const BootId& boot_id,
                                    Damage damage) {
  return Replay(parts, writer, words, boot_id, damage).run();
}

std::vector<std::string> check_buffer_journal(Directory& directory, const BootId& boot_id) {
  std::vector<std::string> problems;
  try {
    std::uint64_t skipped = 0;
    const Segments segments = open_segments(directory, Damage::refuse, skipped);
    constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
    if (!counts(segments, boot_id)) return {};
    (void)load_steps(segments, boot_id, Damage::refuse, any,
                     [&](const std::string& what) { problems.push_back(damage_in(directory, what)); });
  } catch (const CorruptionError& error) {
    problems.emplace_back(error.what());
  }
  return problems;
}

}  // namespace accrete
