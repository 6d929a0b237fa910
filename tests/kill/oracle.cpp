#include "kill/oracle.hpp"

#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/escape.hpp"

namespace accrete::test {
namespace {

using KeyedValues = std::map<std::string, std::string>;

struct BatchName {
  std::uint32_t worker;
  std::uint64_t number;
  auto operator<=>(const BatchName&) const = default;
  [[nodiscard]] std::string text() const {
    return "batch " + std::to_string(number) + " of worker " + std::to_string(worker);
  }
};

/// How many entries of each batch stand in the values.
class Found {
 public:
  explicit Found(const KeyedValues& values) {
    for (const auto& [key, value] : values) add(key, value);
  }

  [[nodiscard]] const std::map<BatchName, std::size_t>& entries() const noexcept { return entries_; }
  [[nodiscard]] std::size_t entries_of(const BatchName& batch) const {
    const auto at = entries_.find(batch);
    return at == entries_.end() ? 0 : at->second;
  }

 private:
  void add(const std::string& key, const std::string& value) {
    using Place = std::pair<std::uint64_t, std::uint32_t>;
    std::map<std::uint32_t, Place> last;  // of each worker
    for (const Record& record : parse_records(key, value)) {
      const BatchName batch{record.worker, record.number};
      const std::string what = "entry " + std::to_string(record.index) + " of " + batch.text() + " in " + quoted(key);
      const Place place{record.number, record.index};
      const auto [before, is_first] = last.try_emplace(record.worker, place);
      if (!is_first && before->second == place) throw std::runtime_error(what + " is there twice");
      if (!is_first && before->second > place) throw std::runtime_error(what + " is out of order, or twice");
      before->second = place;
      const Action wanted = action(record.worker, record.number);
      if (record.index >= wanted.batch.entries.size() || wanted.batch.entries[record.index].first != key) {
        throw std::runtime_error(what + " was never appended there");
      }
      ++entries_[batch];
    }
  }

  std::map<BatchName, std::size_t> entries_;
};

KeyedValues values_of(const Store& store, const std::vector<std::string>& keys) {
  const std::vector<std::string> values = store.get_batch(std::vector<std::string_view>(keys.begin(), keys.end()));
  KeyedValues keyed;
  for (std::size_t i = 0; i < keys.size(); ++i) keyed.emplace(keys[i], values[i]);
  return keyed;
}

/// How many of a batch's entries were appended to keys for which `counts` is true.
template <typename Counts>
std::size_t entries_where(const Action& action, Counts counts) {
  return static_cast<std::size_t>(std::count_if(action.batch.entries.begin(), action.batch.entries.end(),
                                                [&](const auto& entry) { return counts(entry.first); }));
}

/// The keys whose erase was done, or was not known to be and has happened.
std::set<std::string> erased_keys(const Store& store, std::uint32_t worker, const Progress& progress) {
  std::set<std::string> erased;
  for (std::uint64_t number = 1; number <= progress.begun; ++number) {
    const Action wanted = action(worker, number);
    if (wanted.kind != Action::Kind::erase) continue;
    const bool is_there = store.size(wanted.erased_key).has_value();
    if (is_there && !progress.is_unknown(number)) {
      throw std::runtime_error(quoted(wanted.erased_key) + " was erased and is there");
    }
    if (!is_there) erased.insert(wanted.erased_key);
  }
  return erased;
}

void judge_worker(const Store& store, const Found& found, std::uint32_t worker, const Progress& progress,
                  Tally& tally) {
  const std::set<std::string> erased = erased_keys(store, worker, progress);
  std::optional<std::uint64_t> last_id;
  bool last_id_is_known = true;
  for (std::uint64_t number = 1; number <= progress.begun; ++number) {
    const BatchName batch{worker, number};
    const Action wanted = action(worker, number);
    if (wanted.kind == Action::Kind::erase) continue;
    const bool is_unknown = progress.is_unknown(number);
    const std::size_t has = found.entries_of(batch);
    const std::size_t whole = entries_where(wanted, [&](const std::string& key) { return !erased.contains(key); });
    if (has != whole && !(is_unknown && has == 0)) {
      throw std::runtime_error(batch.text() + (is_unknown ? ", unknown," : ", done,") + " has " + std::to_string(has) +
                               " of its " + std::to_string(whole) + " entries");
    }
    if (!is_unknown) ++tally.done;
    if (is_unknown && whole > 0) ++(has > 0 ? tally.unknown_applied : tally.unknown_lost);
    if (!wanted.batch.options.id) continue;
    last_id_is_known = !is_unknown || whole > 0;
    if (!is_unknown || has > 0) last_id = number;
  }
  if (last_id_is_known && store.last_sequence(writer_id(worker)) != last_id) {
    throw std::runtime_error("the last sequence of worker " + std::to_string(worker) + " is wrong");
  }
}

}  // namespace

Tally judge(const Store& store, const std::vector<Progress>& workers) {
  std::vector<std::string> keys;
  for (const KeySize& entry : store.list()) keys.push_back(entry.key);
  const Found found(values_of(store, keys));
  for (const auto& [batch, entries] : found.entries()) {
    if (batch.worker < workers.size() && batch.number <= workers[batch.worker].begun) continue;
    throw std::runtime_error(batch.text() + " was never begun");
  }
  Tally tally;
  for (std::uint32_t worker = 0; worker < workers.size(); ++worker) {
    judge_worker(store, found, worker, workers[worker], tally);
  }
  return tally;
}

void judge_moment(const Store& store) {
  const Found found(values_of(store, shared_keys()));
  for (const auto& [batch, entries] : found.entries()) {
    const Action wanted = action(batch.worker, batch.number);
    const std::size_t whole = entries_where(wanted, [](const std::string& key) { return !key.starts_with("own-"); });
    if (entries == whole) continue;
    throw std::runtime_error(batch.text() + " is there in part: " + std::to_string(entries) + " of " +
                             std::to_string(whole) + " entries");
  }
}

}  // namespace accrete::test
