// Gathered values against a map: what is gathered, taken and put back, and what is known of each key.
#include "layer/buffered/gathered_values.hpp"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "support/commands.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

constexpr std::uint64_t key_count = 24;  // more than are looked up together
constexpr std::uint64_t large_write = std::uint64_t{64} << 10;

/// Some share a prefix, and some are too long for a std::string's own memory.
std::string key_at(std::uint64_t at) { return std::string(at % 3 * 10, 'k') + static_cast<char>('a' + at); }

class ValuesAndMap {
 public:
  /// With a journal that keeps it.
  void append(std::uint64_t key, std::uint64_t count, std::uint64_t size) {
    const Batch batch = make_batch(key, count, size);
    GatheredValues::Numbers numbers;
    GatheredValues::Numbers untold;
    find(batch, numbers, untold);
    values_.append(batch.entries, numbers, segment_);
    values_.keep();
    gather(batch, segment_);
  }

  /// Memory ran out when only so many entries had been appended.
  void fail_to_append(std::uint64_t key, std::uint64_t count, std::uint64_t appended) {
    const Batch batch = make_batch(key, count, some_bytes);
    const auto told_before = told_;
    GatheredValues::Numbers numbers;
    GatheredValues::Numbers untold;
    find(batch, numbers, untold);
    const std::size_t first = std::min<std::size_t>(appended, count);
    if (first > 0) values_.append(std::span(batch.entries).first(first), std::span(numbers).first(first), segment_);
    values_.take_back();
    for (std::uint32_t& entry : untold) entry = numbers[entry];
    values_.take_back_told(untold);
    told_ = told_before;
  }

  void append_without_journal(std::uint64_t key, std::uint64_t count, std::uint64_t size) {
    const Batch batch = make_batch(key, count, size);
    values_.append(batch.entries);
    values_.keep();
    gather(batch, 0);
  }

  void begin_segment() {
    ++segment_;
    told_.clear();
  }

  void know(std::uint64_t at, bool is_new) {
    values_.know(key_at(at), is_new);
    const auto found = model_.find(key_at(at));
    if (found != model_.end() && found->second.below == Below::unknown) {
      found->second.below = is_new ? Below::is_new : Below::has_it;
    }
  }

  void forget_end(std::uint64_t at) {
    values_.forget_end(key_at(at));
    told_.erase(key_at(at));
    const auto found = model_.find(key_at(at));
    if (found != model_.end()) found->second.end.reset();
  }

  void discard(std::uint64_t at) {
    if (is_taken_) return;
    values_.discard(key_at(at));
    told_.erase(key_at(at));
    const auto found = model_.find(key_at(at));
    if (found != model_.end()) found->second = {};
  }

  void clear() {
    if (is_taken_) return;
    values_.clear();
    told_.clear();
    for (auto& [key, value] : model_) value = {};
  }

  void take_all(std::uint64_t max_bytes) { take(values_.all(), max_bytes); }
  void take_old(std::uint64_t max_bytes) { take(values_.all_before(segment_), max_bytes); }
  void take_worthwhile(std::uint64_t max_bytes) { take(values_.worthwhile(), max_bytes); }

  void take_some(std::uint64_t key, std::uint64_t count) {
    const Batch batch = make_batch(key, count, 0);
    const GatheredValues::Numbers numbers = values_.all_of(batch.entries);
    std::vector<std::string> expected;
    for (const std::string& name : batch.keys) {
      if (model_.contains(name) && model_.at(name).is_held) expected.push_back(name);
    }
    require(names(numbers) == expected, "those of the entries' keys are chosen for which something is gathered");
    take(numbers, no_limit);
  }

  void take_largest(std::uint64_t bytes) {
    const GatheredValues::Numbers numbers = values_.largest(bytes);
    std::vector<std::size_t> sizes;
    for (const auto& [key, value] : model_) {
      if (value.is_held) sizes.push_back(value.bytes.size());
    }
    std::ranges::sort(sizes, std::greater<>());
    std::size_t needed = 0;
    for (std::uint64_t sum = 0; needed < sizes.size() && sum < bytes; ++needed) sum += sizes[needed];
    sizes.resize(needed);
    std::vector<std::size_t> chosen;
    for (const std::string& name : names(numbers)) chosen.push_back(model_.at(name).bytes.size());
    require(chosen == sizes, "the largest values are chosen, and no more than it takes");
    take(numbers, no_limit);
  }

  void put_back() {
    if (!is_taken_) return;
    values_.put_back(std::exchange(taken_, {}));
    for (const auto& [key, taken] : std::exchange(taken_model_, {})) {
      Value& value = model_[key];
      value.bytes.insert(0, taken.bytes);
      value.segment = taken.segment;
      value.is_held = true;
    }
    is_taken_ = false;
  }

  void release() {
    if (!is_taken_) return;
    values_.release(std::exchange(taken_, {}));
    for (const auto& [key, taken] : std::exchange(taken_model_, {})) model_[key].below = Below::has_it;
    is_taken_ = false;
  }

  void forget_idle_keys(std::uint64_t max_bytes) {
    if (is_taken_) return;
    (void)values_.forget_idle_keys(max_bytes);
    if (max_bytes > 0) return;
    for (const auto& [key, value] : model_) {
      if (!value.is_held) told_.erase(key);
    }
    std::erase_if(model_, [](const auto& entry) { return !entry.second.is_held; });
  }

  void read(std::uint64_t at, std::uint64_t offset, std::uint64_t size) {
    const auto found = model_.find(key_at(at));
    const std::string value = found == model_.end() ? "" : found->second.bytes;
    std::string bytes = "before";
    values_.copy(key_at(at), offset, size, bytes);
    require(bytes == "before" + (offset < value.size() ? value.substr(offset, size) : ""), "a part of a value is read");
  }

  void list(std::uint64_t prefix, std::uint64_t after) {
    const std::string prefix_text(prefix * 10, 'k');
    const std::string after_text = key_at(after);
    const ListOptions options{.prefix = prefix_text, .after = after_text};
    std::vector<KeySize> expected = held();
    std::erase_if(expected, [&](const KeySize& found) {
      return !found.key.starts_with(options.prefix) || found.key <= *options.after;
    });
    require(values_.list(options) == expected, "the keys after one are listed, with their prefix and in their order");
  }

  void check() {
    std::uint64_t bytes = 0;
    std::uint64_t worthwhile = 0;
    std::uint64_t new_keys = 0;
    std::vector<std::string> unknown;
    for (const auto& [key, value] : model_) {
      bytes += value.bytes.size();
      if (value.bytes.size() >= large_write) worthwhile += value.bytes.size();
      if (value.is_held && value.below == Below::is_new) ++new_keys;
      if (value.is_held && value.below == Below::unknown) unknown.push_back(key);
      check_value(key, value);
    }
    for (const auto& [key, taken] : taken_model_) bytes += taken.bytes.size();
    require(values_.bytes() == bytes, "the bytes are those of all values, of those taken, too");
    require(values_.held_bytes() >= bytes, "the memory of the values is counted");
    require(values_.worthwhile_bytes() == worthwhile, "bytes of large values are worthwhile");
    require(values_.new_keys() == new_keys, "gathered keys that are known to be new are counted");
    std::vector<std::string> found = values_.unknown_keys();
    std::ranges::sort(found);
    require(found == unknown, "gathered keys of which nothing is known are named");
    check_choice(values_.all(), [](const Value&) { return true; });
    check_choice(values_.all_before(segment_), [&](const Value& value) { return value.segment < segment_; });
    check_has_before();
    check_choice(values_.worthwhile(), [](const Value& value) { return value.bytes.size() >= large_write; });
    require(values_.list({}) == held(), "the keys for which something is gathered are listed");
    require(values_.empty() == held().empty(), "it is empty if nothing is gathered for any key");
  }

 private:
  /// As far as a buffer may ask: nothing is held of segments before the last two.
  void check_has_before() const {
    bool has_before = false;
    for (const auto& [key, value] : model_) {
      if (!value.is_held) continue;
      if (value.segment + 1 < segment_) return;
      has_before = has_before || value.segment < segment_;
    }
    require(values_.has_before(segment_) == has_before, "it is known whether there are bytes of the segment before");
  }

  enum class Below { unknown, has_it, is_new };

  struct Value {
    std::string bytes{};
    bool is_held = false;
    std::uint32_t segment = 0;
    std::optional<std::uint64_t> end{};
    Below below = Below::unknown;
  };

  struct Batch {
    std::vector<std::string> keys{};
    std::vector<std::string> bytes{};
    std::vector<Entry> entries{};  // into these
  };

  static constexpr std::uint64_t some_bytes = 300;
  static constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

  Batch make_batch(std::uint64_t key, std::uint64_t count, std::uint64_t size) {
    Batch batch;
    for (std::uint64_t i = 0; i < count; ++i) {
      batch.keys.push_back(key_at((key + i) % key_count));
      batch.bytes.emplace_back(size, static_cast<char>('A' + next_byte_++ % 64));
    }
    for (std::uint64_t i = 0; i < count; ++i) batch.entries.push_back({batch.keys[i], batch.bytes[i]});
    return batch;
  }

  void find(const Batch& batch, GatheredValues::Numbers& numbers, GatheredValues::Numbers& untold) {
    values_.find(batch.entries, segment_, numbers, untold);
    require(names(numbers) == batch.keys, "the numbers of the entries' keys are found, in their order");
    GatheredValues::Numbers expected;
    for (std::uint32_t i = 0; i < batch.keys.size(); ++i) {
      Value& value = model_[batch.keys[i]];
      if (told_[batch.keys[i]]) continue;
      told_[batch.keys[i]] = true;
      expected.push_back(i);
      if (value.end) continue;
      value.end = value.bytes.size();
      values_.set_end(numbers[i], {.stored = stored_below, .after = *value.end});
    }
    require(untold == expected, "a key is told of once in each segment");
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto end = values_.end(numbers[i]);
      const auto& known = model_.at(batch.keys[i]).end;
      require(end.has_value() == known.has_value(), "where a value ends is known, once it was set");
      if (!end) continue;
      require(end->after == *known && end->stored == stored_below, "where a value ends follows what is gathered");
    }
  }

  void gather(const Batch& batch, std::uint32_t segment) {
    for (const Entry& entry : batch.entries) {
      Value& value = model_[std::string(entry.key)];
      if (!value.is_held) value.segment = segment;
      value.is_held = true;
      value.bytes += entry.bytes;
      if (value.end) *value.end += entry.bytes.size();
    }
  }

  [[nodiscard]] std::vector<std::string> names(const GatheredValues::Numbers& numbers) const {
    std::vector<std::string> names;
    for (const std::uint32_t number : numbers) names.push_back(values_.name(number));
    return names;
  }

  template <typename IsWanted>
  void check_choice(const GatheredValues::Numbers& chosen, IsWanted is_wanted) const {
    std::vector<std::string> expected;
    for (const auto& [key, value] : model_) {
      if (value.is_held && is_wanted(value)) expected.push_back(key);
    }
    std::vector<std::string> found = names(chosen);
    std::ranges::sort(found);
    require(found == expected, "those keys are chosen that were asked for");
  }

  void take(GatheredValues::Numbers numbers, std::uint64_t max_bytes) {
    if (is_taken_) return;
    std::vector<std::string> wanted = names(numbers);
    taken_ = values_.take(numbers, max_bytes);
    is_taken_ = true;
    const std::vector<Entry> entries = values_.entries(taken_);
    std::uint64_t bytes = 0;
    std::uint64_t batch_bytes = 0;
    std::map<std::string, std::string, std::less<>> joined;
    for (const Entry& entry : entries) {
      joined[std::string(entry.key)] += entry.bytes;
      bytes += entry.bytes.size();
      batch_bytes += entry.key.size() + entry.bytes.size() + entry_overhead;
    }
    require(taken_.bytes == bytes, "what is taken has its bytes");
    require(batch_bytes <= max_bytes || joined.size() == 1, "what is taken fits the batch, or is of one key");
    std::vector<std::string> keys;
    for (; wanted.size() > numbers.size(); wanted.pop_back()) {
      Value& value = model_.at(wanted.back());
      if (!value.is_held) continue;
      keys.push_back(wanted.back());
      taken_model_[wanted.back()] = value;
      value.bytes.clear();
      value.is_held = false;
    }
    require(names(numbers) == wanted, "keys are taken off the end");
    require(std::ranges::equal(values_.keys(taken_), keys), "what is taken is not wanted any more");
    const auto is_held = [&](const std::string& key) { return model_.at(key).is_held; };
    require(!keys.empty() || std::ranges::none_of(wanted, is_held), "something is taken, if there is something");
    require(joined.size() == taken_model_.size(), "each key that is taken has an entry");
    for (const auto& [key, value] : taken_model_) require(joined.at(key) == value.bytes, "whole values are taken");
  }

  void check_value(const std::string& key, const Value& value) const {
    const std::optional<std::uint64_t> size = values_.size(key);
    require(size.has_value() == value.is_held, "a key has a size if something is gathered for it");
    if (!size) return;
    require(*size == value.bytes.size(), "a key has the size of its bytes");
    std::string bytes;
    values_.copy(key, 0, *size, bytes);
    require(bytes == value.bytes, "a value is the bytes of its appends, in their order");
  }

  [[nodiscard]] std::vector<KeySize> held() const {
    std::vector<KeySize> found;
    for (const auto& [key, value] : model_) {
      if (value.is_held) found.push_back({.key = key, .size = value.bytes.size()});
    }
    return found;
  }

  static constexpr std::uint64_t stored_below = 7;

  GatheredValues values_;
  GatheredValues::Taken taken_;
  bool is_taken_ = false;
  std::map<std::string, Value> model_;        // of all keys with a number
  std::map<std::string, Value> taken_model_;  // what is on its way down
  std::map<std::string, bool> told_;          // in this segment
  std::uint32_t segment_ = 1;
  std::uint64_t next_byte_ = 0;
};

TEST_CASE("what is gathered is what was appended, whatever is taken, put back, handed down and forgotten meanwhile") {
  using Pair = ValuesAndMap;
  const Argument keys = Argument::below(key_count);
  const Argument counts = Argument::one_of({1, 2, 15, 16, 17, 40});
  const Argument sizes = Argument::one_of({0, 1, 200, 1000, 5000, 70'000});
  const Argument limits = Argument::one_of({1'000'000'000, 0, 1, 1000, 100'000});
  CHECK(counterexample<Pair>({
            command("append", &Pair::append, keys, counts, sizes),
            command("append", &Pair::append, keys, counts, sizes),
            command("fail_to_append", &Pair::fail_to_append, keys, counts, Argument::below(41)),
            command("append_without_journal", &Pair::append_without_journal, keys, counts, sizes),
            command("begin_segment", &Pair::begin_segment),
            command("know", &Pair::know, keys, Argument::below(2)),
            command("forget_end", &Pair::forget_end, keys),
            command("discard", &Pair::discard, keys),
            command("clear", &Pair::clear),
            command("take_all", &Pair::take_all, limits),
            command("take_old", &Pair::take_old, limits),
            command("take_worthwhile", &Pair::take_worthwhile, limits),
            command("take_some", &Pair::take_some, keys, counts),
            command("take_largest", &Pair::take_largest, limits),
            command("put_back", &Pair::put_back),
            command("release", &Pair::release),
            command("forget_idle_keys", &Pair::forget_idle_keys, Argument::one_of({0, 1'000'000})),
            command("read", &Pair::read, keys, sizes, sizes),
            command("list", &Pair::list, Argument::below(3), keys),
        }) == "");
}

}  // namespace
}  // namespace accrete::test
