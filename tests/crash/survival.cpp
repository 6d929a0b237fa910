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
Model read_model(const Store& store, const Model& writers) {
  Model model;
  for (const KeySize& entry : store.list()) {
    const std::string value = store.get(entry.key);
    require(value.size() == entry.size, "list tells the sizes of the values");
    const Entry whole{entry.key, value};
    model.append_batch({&whole, 1});
  }
  for (const auto& [writer, sequence] : writers.sequences()) {
    const std::optional<std::uint64_t> last = store.last_sequence(writer);
    if (last) model.append_batch({}, {.id = BatchId{writer, *last}});
  }
  return model;
}

}  // namespace

void Survival::append_batch(const OwnedBatch& batch) {
  current_.append_batch(batch.view(), batch.options);
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
  ended_.clear();
  shortened_.clear();
}

void Survival::found(const Store& store) {
  const Model model = read_model(store, current_);
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
  for (const auto& [writer, sequence] : current_.sequences()) {
    require(store.last_sequence(writer).value_or(0) <= sequence, "no id is known that was never used");
  }
  for (const auto& [key, value] : current_.values()) {
    if (model.size(key) != value.size()) shortened_.insert(key);
  }
  current_ = model;
}

void Survival::end_life(const std::string& key) {
  const std::optional<std::string> value = value_of(current_, key);
  if (!value) return;
  const bool is_first = !ended_.contains(key);
  ended_[key].push_back({.at_least = is_first ? value_of(synced_, key) : std::nullopt, .at_most = *value});
}

bool Survival::may_be(const std::string& key, const std::optional<std::string>& value) const {
  const auto ended = ended_.find(key);
  const bool was_erased = ended != ended_.end();
  const std::optional<std::string> at_least = was_erased ? std::nullopt : value_of(synced_, key);
  if (!value) return !at_least;
  if (shortened_.contains(key)) return value->starts_with(at_least.value_or(""));
  const auto fits = [&](const Life& life) {
    return life.at_most.starts_with(*value) && value->starts_with(life.at_least.value_or(""));
  };
  const std::optional<std::string> now = value_of(current_, key);
  if (now && fits({at_least, *now})) return true;
  return was_erased && std::any_of(ended->second.begin(), ended->second.end(), fits);
}

}  // namespace accrete::test
