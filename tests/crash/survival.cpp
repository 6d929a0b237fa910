#include "crash/survival.hpp"

#include <algorithm>
#include <utility>

#include "base/escape.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

std::optional<std::string> value_of(const Model& model, const std::string& key) {
  if (!model.size(key)) return std::nullopt;
  return model.get(key);
}

/// The model of what a store holds.
Model read_model(const Store& store, const std::map<WriterId, std::uint64_t>& writers) {
  Model model;
  for (const KeySize& entry : store.list()) {
    const std::string value = store.get(entry.key);
    require(value.size() == entry.size, "list tells the sizes of the values");
    const Entry whole{entry.key, value};
    model.append_batch({&whole, 1});
  }
  for (const auto& [writer, sequence] : writers) {
    const std::optional<std::uint64_t> last = store.last_sequence(writer);
    if (last) model.append_batch({}, {.id = BatchId{writer, *last}});
  }
  return model;
}

}  // namespace

void Survival::append_batch(const OwnedBatch& batch) {
  current_.append_batch(batch.view(), batch.options);
  if (batch.options.id) {
    std::uint64_t& used = used_[batch.options.id->writer];
    used = std::max(used, batch.options.id->sequence);
  }
  if (batch.options.sync) synced();
}

void Survival::erase(const std::string& key) {
  end_life(key);
  current_.erase(key);
}

void Survival::drop() {
  for (const auto& [key, value] : current_.values()) end_life(key);
  current_.drop();
}

void Survival::synced() {
  synced_ = current_;
  erased_.clear();
  shortened_.clear();
}

void Survival::repaired() {
  for (const auto& [key, value] : current_.values()) shortened_.insert(key);
}

void Survival::found(const Store& store) {
  const Model model = read_model(store, used_);
  std::set<std::string> keys;
  for (const Model* part : {&std::as_const(synced_), &std::as_const(current_), &model}) {
    for (const auto& [key, value] : part->values()) keys.insert(key);
  }
  for (const std::string& key : keys) {
    require(may_be(key, value_of(model, key)), "the value of " + quoted(key) + ", " +
                                                   std::to_string(model.get(key).size()) +
                                                   " bytes, may be left by a power loss");
  }
  for (const auto& [writer, sequence] : synced_.sequences()) {
    const std::optional<std::uint64_t> last = store.last_sequence(writer);
    require(last && *last >= sequence, "the id of a synced batch survives");
  }
  for (const auto& [writer, sequence] : used_) {
    require(store.last_sequence(writer).value_or(0) <= sequence, "no id is known that was never used");
  }
  for (const auto& [key, value] : current_.values()) {
    if (model.size(key) != value.size()) shortened_.insert(key);
  }
  current_ = model;
}

void Survival::end_life(const std::string& key) {
  if (current_.size(key)) erased_[key].push_back(current_.get(key));
}

bool Survival::may_be(const std::string& key, const std::optional<std::string>& value) const {
  const auto erased = erased_.find(key);
  const bool was_erased = erased != erased_.end();
  const std::optional<std::string> at_least = was_erased ? std::nullopt : value_of(synced_, key);
  if (!value) return !at_least;
  if (!value->starts_with(at_least.value_or(""))) return false;
  if (shortened_.contains(key)) return true;
  const auto is_part_of = [&](const std::string& whole) { return whole.starts_with(*value); };
  if (current_.size(key) && is_part_of(current_.get(key))) return true;
  return was_erased && std::any_of(erased->second.begin(), erased->second.end(), is_part_of);
}

}  // namespace accrete::test
