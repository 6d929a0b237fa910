// What a buffer knows of batches stays within bounds, and is never wrong.
#include "layer/buffered/batch_ids.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <utility>

#include "support/commands.hpp"
#include "support/model.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

/// With numbers of writers and ever higher sequences.
class IdsAndMap {
 public:
  void learn(std::uint64_t writer, bool has_sequence) {
    if (known_.contains(writer) || is_pending(writer)) return;
    known_[writer] = {.sequence = has_sequence ? std::optional(next_++) : std::nullopt};
    ids_.learn(writer_id(writer), known_[writer].sequence);
  }

  /// As when a batch went to the store below at once.
  void learn_newer(std::uint64_t writer) {
    if (is_pending(writer)) return;
    known_[writer] = {.sequence = next_++};
    ids_.learn(writer_id(writer), known_[writer].sequence);
  }

  void add(std::uint64_t writer) {
    pending_.emplace_back(writer, next_++);
    ids_.add({.writer = writer_id(writer), .sequence = pending_.back().second});
  }

  void keep() {
    ids_.keep();
    for (const auto& [writer, sequence] : pending_) known_[writer] = {.sequence = sequence, .is_unsaved = true};
    pending_.clear();
  }

  void take_back_to(std::size_t count) {
    ids_.take_back_to(count);
    if (pending_.size() > count) pending_.resize(count);
  }

  void begin_to_save() { saving_ = ids_.unsaved(); }

  /// What has had another batch meanwhile is to be saved again.
  void end_saving() {
    ids_.saved(saving_);
    for (auto& [writer, last] : known_) {
      if (is_pending(writer)) continue;
      for (const BatchId& saved : saving_) {
        if (saved.writer == writer_id(writer) && saved.sequence == last.sequence) last.is_unsaved = false;
      }
    }
  }

  void forget(std::uint64_t writer) {
    if (is_pending(writer)) return;
    ids_.forget(writer_id(writer));
    known_.erase(writer);
  }

  void check() const {
    require(ids_.pending() == pending_.size(), "what was added is pending until it is kept or taken back");
    std::map<std::uint64_t, Last> last = known_;
    for (const auto& [writer, sequence] : pending_) last[writer] = {.sequence = sequence};
    require(ids_.size() == last.size(), "no other writers are known");
    for (const auto& [writer, expected] : last) {
      const auto found = ids_.find(writer_id(writer));
      require(found && found->sequence == expected.sequence, "a writer's last sequence is known");
    }
    std::vector<std::pair<WriterId, std::uint64_t>> unsaved;
    for (const auto& [writer, kept] : known_) {
      if (kept.is_unsaved) unsaved.emplace_back(writer_id(writer), *kept.sequence);
    }
    std::vector<std::pair<WriterId, std::uint64_t>> found;
    for (const BatchId& id : ids_.unsaved()) found.emplace_back(id.writer, id.sequence);
    std::ranges::sort(unsaved);
    require(found == unsaved, "what was kept and has not been saved is to be saved");
  }

 private:
  struct Last {
    std::optional<std::uint64_t> sequence{};
    bool is_unsaved = false;
  };

  [[nodiscard]] bool is_pending(std::uint64_t writer) const {
    return std::ranges::any_of(pending_, [&](const auto& added) { return added.first == writer; });
  }

  BatchIds ids_;
  std::map<std::uint64_t, Last> known_;                           // without what is pending
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pending_;  // writers and sequences
  std::vector<BatchId> saving_;
  std::uint64_t next_ = 1;
};

TEST_CASE("of each writer the last batch is known, and whether it is to be saved, whatever is taken back") {
  const Argument writers = Argument::below(4);
  CHECK(counterexample<IdsAndMap>({
            command("learn", &IdsAndMap::learn, writers, Argument::below(2)),
            command("learn_newer", &IdsAndMap::learn_newer, writers),
            command("add", &IdsAndMap::add, writers),
            command("keep", &IdsAndMap::keep),
            command("take_back_to", &IdsAndMap::take_back_to, Argument::below(4)),
            command("begin_to_save", &IdsAndMap::begin_to_save),
            command("end_saving", &IdsAndMap::end_saving),
            command("forget", &IdsAndMap::forget, writers),
        }) == "");
}

TEST_CASE("of writers that the store below knows only so many are kept") {
  BatchIds ids;
  for (std::uint64_t i = 0; i < 10 * BatchIds::max_known; ++i) {
    ids.learn(writer_id(i), std::nullopt);
    CHECK(ids.size() <= BatchIds::max_known);
    ids.add({.writer = writer_id(i), .sequence = 1});
    ids.keep();
    if (!ids.is_crowded()) continue;
    const std::vector<BatchId> unsaved = ids.unsaved();
    CHECK_FALSE(unsaved.empty());
    ids.saved(unsaved);
  }
}

TEST_CASE("what the store below is to be told, or is being applied, is kept however much it is") {
  BatchIds ids;
  const std::uint64_t count = 2 * BatchIds::max_known;
  for (std::uint64_t i = 0; i < count; ++i) {
    ids.learn(writer_id(i), std::nullopt);
    ids.add({.writer = writer_id(i), .sequence = 1});
    CHECK_FALSE(ids.is_crowded());
  }
  ids.keep();
  CHECK(ids.is_crowded());
  ids.learn(writer_id(count), std::nullopt);
  for (std::uint64_t i = 0; i < count; ++i) REQUIRE(ids.find(writer_id(i))->sequence == 1);
  CHECK(ids.unsaved().size() == count);
}

}  // namespace
}  // namespace accrete::test
