#include "layer/buffered/gathered_values.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/hash.hpp"
#include "base/prefetch.hpp"

namespace accrete {
namespace {

std::uint64_t heap_bytes_of(std::string_view key) noexcept {
  constexpr std::size_t inside_a_string = 15;
  constexpr std::size_t malloc_overhead = 16;
  return key.size() <= inside_a_string ? 0 : key.size() + malloc_overhead;
}

}  // namespace

std::uint32_t GatheredValues::number_of(std::string_view key) const {
  return index_.find(hash64(key), [&](std::uint32_t at) { return keys_[at].name == key; });
}

const GatheredValues::Key* GatheredValues::try_find(std::string_view key) const {
  const std::uint32_t number = number_of(key);
  if (number == KeyIndex::none || !keys_[number].held) return nullptr;
  return &keys_[number];
}

std::uint32_t GatheredValues::find_or_add(std::string_view key, std::uint64_t hash) {
  const std::uint32_t found = index_.find(hash, [&](std::uint32_t at) { return keys_[at].name == key; });
  if (found != KeyIndex::none) return found;
  const auto hash_of = [&](std::uint32_t at) { return keys_[at].hash; };
  index_.reserve(1, hash_of);
  keys_.push_back({.name = std::string(key), .hash = hash});
  const auto number = static_cast<std::uint32_t>(keys_.size() - 1);
  index_.insert(hash, number, hash_of);
  long_key_bytes_ += heap_bytes_of(key);
  return number;
}

void GatheredValues::hold(Key& key, std::uint32_t segment) noexcept {
  key.held = true;
  key.segment = segment;
  ++held_in_[segment % 2];
  ++held_keys_;
  if (key.below == Below::is_new) ++new_keys_;
}

void GatheredValues::release_hold(Key& key) noexcept {
  key.held = false;
  --held_in_[key.segment % 2];
  --held_keys_;
  if (key.below == Below::is_new) --new_keys_;
}

template <typename Visit>
void GatheredValues::for_each_number(std::span<const Entry> entries, Visit visit) {
  if (entries.size() == 1) {
    const std::string_view key = entries.front().key;
    return visit(entries.front(), find_or_add(key, hash64(key)));
  }
  while (!entries.empty()) {
    const auto group = entries.first(std::min(entries.size(), fetched_together));
    entries = entries.subspan(group.size());
    const Fetched fetched = fetch(group);
    for (std::size_t i = 0; i < group.size(); ++i) {
      const auto [hash, likely] = fetched[i];
      const bool is_found = likely != KeyIndex::none && keys_[likely].name == group[i].key;
      visit(group[i], is_found ? likely : find_or_add(group[i].key, hash));
    }
  }
}

void GatheredValues::append(std::span<const Entry> entries) {
  for_each_number(entries, [&](const Entry& entry, std::uint32_t number) { append(number, entry.bytes, 0); });
}

void GatheredValues::find(std::span<const Entry> entries, std::uint32_t segment, Numbers& numbers, Numbers& untold) {
  for_each_number(entries, [&](const Entry&, std::uint32_t number) {
    numbers.push_back(number);
    Key& key = keys_[number];
    if (key.told_in == segment) return;
    untold.push_back(static_cast<std::uint32_t>(numbers.size() - 1));
    key.told_in = segment;
  });
}

void GatheredValues::append(std::span<const Entry> entries, std::span<const std::uint32_t> numbers,
                            std::uint32_t segment) {
  if (entries.size() == 1) return append(numbers.front(), entries.front().bytes, segment);
  while (!entries.empty()) {
    const std::size_t size = std::min(entries.size(), fetched_together);
    prefetch(entries.first(size), numbers.first(size));
    for (std::size_t i = 0; i < size; ++i) append(numbers[i], entries[i].bytes, segment);
    entries = entries.subspan(size);
    numbers = numbers.subspan(size);
  }
}

/// What `find` had fetched may have left the processor's caches when there were many entries.
void GatheredValues::prefetch(std::span<const Entry> entries, std::span<const std::uint32_t> numbers) const noexcept {
  for (const std::uint32_t number : numbers) prefetch_to_write(&keys_[number], sizeof(Key));
  for (const std::uint32_t number : numbers) {
    if (keys_[number].last) prefetch_to_write(keys_[number].last, sizeof(Chunk));
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) prefetch_room(keys_[numbers[i]], entries[i].bytes.size());
}

/// Has the processor fetch what the entries will touch, each step for all of them before the next step needs it: of
/// many keys, almost everything is outside its caches, and most of what an append costs is waiting for it.
GatheredValues::Fetched GatheredValues::fetch(std::span<const Entry> entries) const noexcept {
  Fetched fetched{};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    fetched[i].hash = hash64(entries[i].key);
    index_.prefetch(fetched[i].hash);
  }
  const auto for_each_likely_key = [&](const auto& visit) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (fetched[i].likely != KeyIndex::none) visit(keys_[fetched[i].likely], entries[i].bytes.size());
    }
  };
  for (Likely& key : std::span(fetched).first(entries.size())) key.likely = index_.find_likely(key.hash);
  for_each_likely_key([](const Key& key, std::size_t) { prefetch_to_write(&key, sizeof(Key)); });
  for_each_likely_key([](const Key& key, std::size_t) {
    if (key.last) prefetch_to_write(key.last, sizeof(Chunk));
  });
  for_each_likely_key([](const Key& key, std::size_t bytes) { prefetch_room(key, bytes); });
  return fetched;
}

void GatheredValues::prefetch_room(const Key& key, std::size_t bytes) noexcept {
  if (!key.last) return;
  Chunk& chunk = *key.last;
  constexpr std::size_t max_prefetch = 512;  // the processor itself foresees the rest
  prefetch_to_write(chunk.bytes() + chunk.size, std::min(std::min<std::size_t>(bytes, chunk.room()), max_prefetch));
}

void GatheredValues::append(std::uint32_t number, std::string_view bytes, std::uint32_t segment) {
  Key& value = keys_[number];
  undo_.push_back({.key = number,
                   .last_size = value.last ? value.last->size : 0,
                   .last = value.last,
                   .size = value.size,
                   .held = value.held});
  if (!value.held) hold(value, segment);
  append_bytes(value, bytes);
  prefetch_room(value, bytes.size());  // the next append is likely to be as large
}

void GatheredValues::append_bytes(Key& value, std::string_view bytes) {
  // All that take_back goes by, before there may be no memory.
  set_size(value, value.size + bytes.size());
  value.end.after += bytes.size();
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (!value.last || value.last->room() == 0) {
      Chunk* const chunk = pool_.allocate(value.last);
      (value.last ? value.last->next : value.first) = chunk;
      value.last = chunk;
    }
    Chunk& chunk = *value.last;
    const std::size_t count = std::min<std::size_t>(bytes.size(), chunk.room());
    std::memcpy(chunk.bytes() + chunk.size, bytes.data(), count);
    chunk.size += static_cast<std::uint32_t>(count);
    bytes.remove_prefix(count);
  }
}

void GatheredValues::take_back() noexcept {
  for (; !undo_.empty(); undo_.pop_back()) {
    const Before& before = undo_.back();
    Key& value = keys_[before.key];
    free_chunks(std::exchange(before.last ? before.last->next : value.first, nullptr));
    if (before.last) before.last->size = before.last_size;
    value.last = before.last;
    bytes_ -= value.size - before.size;
    value.end.after -= value.size - before.size;
    set_size(value, before.size);
    if (!before.held && value.held) release_hold(value);
  }
}

void GatheredValues::take_back_told(std::span<const std::uint32_t> numbers) noexcept {
  for (const std::uint32_t number : numbers) keys_[number].told_in = 0;
}

std::optional<GatheredValues::End> GatheredValues::end(std::uint32_t number) const noexcept {
  if (!keys_[number].has_end) return std::nullopt;
  return keys_[number].end;
}

void GatheredValues::set_end(std::uint32_t number, const End& end) noexcept {
  keys_[number].end = end;
  keys_[number].has_end = true;
}

void GatheredValues::forget_end(std::string_view key) noexcept {
  const std::uint32_t number = number_of(key);
  if (number == KeyIndex::none) return;
  keys_[number].has_end = false;
  keys_[number].told_in = 0;
}

std::optional<std::uint64_t> GatheredValues::size(std::string_view key) const {
  const Key* const value = try_find(key);
  if (!value) return std::nullopt;
  return value->size;
}

void GatheredValues::copy(std::string_view key, std::uint64_t offset, std::uint64_t size, std::string& to) const {
  const Key* const value = try_find(key);
  if (!value) return;
  for (const Chunk* chunk = value->first; chunk && size > 0; chunk = chunk->next) {
    if (offset >= chunk->size) {
      offset -= chunk->size;
      continue;
    }
    const std::string_view part = chunk->view().substr(offset, size);
    to += part;
    offset = 0;
    size -= part.size();
  }
}

std::vector<KeySize> GatheredValues::list(const ListOptions& options) const {
  std::vector<KeySize> found;
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    const Key& key = keys_[i];
    if (!key.held || !std::string_view(key.name).starts_with(options.prefix)) continue;
    if (options.after && key.name <= *options.after) continue;
    found.push_back({.key = key.name, .size = key.size});
  }
  std::sort(found.begin(), found.end(), [](const KeySize& left, const KeySize& right) { return left.key < right.key; });
  return found;
}

/// Of a batch (Store::max_batch_bytes), with an entry a chunk.
std::uint64_t GatheredValues::batch_bytes_of(const Key& key) noexcept {
  const std::uint64_t bytes_an_entry = key.name.size() + entry_overhead;
  std::uint64_t bytes = key.size + bytes_an_entry;
  for (const Chunk* chunk = key.first; chunk && chunk->next; chunk = chunk->next) bytes += bytes_an_entry;
  return bytes;
}

void GatheredValues::take_key(std::uint32_t number, Taken& taken) noexcept {
  Key& key = keys_[number];
  taken.values.push_back(
      {.key = number, .first = key.first, .last = key.last, .size = key.size, .segment = key.segment});
  taken.bytes += key.size;
  taken.oldest_segment = std::min(taken.oldest_segment, key.segment);
  key.first = key.last = nullptr;
  set_size(key, 0);
  release_hold(key);
}

GatheredValues::Numbers GatheredValues::all() const { return all_before(std::numeric_limits<std::uint32_t>::max()); }

GatheredValues::Numbers GatheredValues::all_before(std::uint32_t segment) const {
  Numbers numbers;
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i].held && keys_[i].segment < segment) numbers.push_back(i);
  }
  return numbers;
}

GatheredValues::Numbers GatheredValues::all_of(std::span<const Entry> entries) const {
  Numbers numbers;
  for (const Entry& entry : entries) {
    const std::uint32_t number = number_of(entry.key);
    if (number != KeyIndex::none && keys_[number].held) numbers.push_back(number);
  }
  return numbers;
}

GatheredValues::Numbers GatheredValues::larger_of(std::span<const Entry> entries, std::uint64_t bytes) const {
  Numbers numbers = all_of(entries);
  std::erase_if(numbers, [&](std::uint32_t number) { return keys_[number].size <= bytes; });
  return numbers;
}

GatheredValues::Numbers GatheredValues::worthwhile() const {
  Numbers numbers;
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    if (worthwhile_bytes_of(keys_[i].size) > 0) numbers.push_back(i);
  }
  return numbers;
}

GatheredValues::Numbers GatheredValues::largest(std::uint64_t bytes) const {
  Numbers numbers = all();
  const auto larger = [&](std::uint32_t left, std::uint32_t right) { return keys_[left].size > keys_[right].size; };
  // Sorting all of millions would cost more than handing down the few that are needed.
  constexpr std::ptrdiff_t step = 1024;
  std::uint64_t found = 0;
  auto next = numbers.begin();
  while (next != numbers.end() && found < bytes) {
    const auto last = next + std::min(numbers.end() - next, step);
    if (last != numbers.end()) std::nth_element(next, last, numbers.end(), larger);
    std::sort(next, last, larger);
    for (; next != last && found < bytes; ++next) found += keys_[*next].size;
  }
  numbers.erase(next, numbers.end());
  return numbers;
}

GatheredValues::Taken GatheredValues::take(Numbers& wanted, std::uint64_t max_bytes) {
  // Each may be a file that is to be made: others who wait for the store below wait for all of them.
  constexpr std::size_t max_keys = 2048;
  Taken taken;
  taken.values.reserve(std::min(wanted.size(), max_keys));  // so that nothing that was taken out can get lost
  std::uint64_t room = max_bytes;
  for (; !wanted.empty() && taken.values.size() < max_keys; wanted.pop_back()) {
    const Key& key = keys_[wanted.back()];
    if (!key.held) continue;
    const std::uint64_t bytes = batch_bytes_of(key);
    if (bytes > room && !taken.values.empty()) break;
    room -= std::min(room, bytes);
    take_key(wanted.back(), taken);
  }
  return taken;
}

std::vector<Entry> GatheredValues::entries(const Taken& taken) const {
  std::vector<Entry> entries;
  for (const Taken::Value& value : taken.values) {
    const std::string_view key = keys_[value.key].name;
    if (!value.first) entries.push_back({key, {}});
    for (const Chunk* chunk = value.first; chunk; chunk = chunk->next) entries.push_back({key, chunk->view()});
  }
  return entries;
}

std::vector<std::string_view> GatheredValues::keys(const Taken& taken) const {
  std::vector<std::string_view> names;
  names.reserve(taken.values.size());
  for (const Taken::Value& value : taken.values) names.push_back(keys_[value.key].name);
  return names;
}

void GatheredValues::put_back(Taken&& taken) noexcept {
  for (const Taken::Value& value : taken.values) {
    Key& key = keys_[value.key];
    if (key.held) release_hold(key);
    hold(key, value.segment);
    set_size(key, key.size + value.size);
    if (value.first) {
      value.last->next = key.first;
      if (!key.last) key.last = value.last;
      key.first = value.first;
    }
  }
}

void GatheredValues::free_chunks(Chunk* first) noexcept {
  while (first) pool_.free(std::exchange(first, first->next));
}

void GatheredValues::release(Taken&& taken) noexcept {
  for (const Taken::Value& value : taken.values) {
    free_chunks(value.first);
    Key& key = keys_[value.key];
    if (key.held && key.below == Below::is_new) --new_keys_;
    key.below = Below::has_it;
  }
  bytes_ -= taken.bytes;
}

bool GatheredValues::forget_idle_keys(std::uint64_t max_bytes) {
  if ((keys_.size() - held_keys_) * sizeof(Key) <= max_bytes) return false;
  BlockList<Key> kept;
  KeyIndex index;
  const auto hash_of = [&](std::uint32_t at) { return kept[at].hash; };
  kept.reserve(held_keys_);
  index.reserve(held_keys_, hash_of);
  // From here on nothing is allocated, so that no key that is moved can get lost.
  long_key_bytes_ = 0;
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    Key& key = keys_[i];
    if (!key.held) continue;
    long_key_bytes_ += heap_bytes_of(key.name);
    kept.push_back(std::move(key));
    index.insert(kept.back().hash, static_cast<std::uint32_t>(kept.size() - 1), hash_of);
  }
  keys_ = std::move(kept);
  index_ = std::move(index);
  return true;
}

void GatheredValues::discard(std::string_view key) noexcept {
  const std::uint32_t number = number_of(key);
  if (number != KeyIndex::none) discard_value(keys_[number]);
}

void GatheredValues::clear() noexcept {
  for (std::uint32_t i = 0; i < keys_.size(); ++i) discard_value(keys_[i]);
}

void GatheredValues::discard_value(Key& key) noexcept {
  if (key.held) release_hold(key);
  bytes_ -= key.size;
  set_size(key, 0);
  free_chunks(std::exchange(key.first, nullptr));
  key.last = nullptr;
  key.below = Below::unknown;
  key.has_end = false;
  key.told_in = 0;
}

std::vector<std::string> GatheredValues::unknown_keys() const {
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    const Key& key = keys_[i];
    if (key.held && key.below == Below::unknown) names.push_back(key.name);
  }
  return names;
}

void GatheredValues::know(std::string_view key, bool is_new) {
  const std::uint32_t number = number_of(key);
  if (number == KeyIndex::none || keys_[number].below != Below::unknown) return;
  keys_[number].below = is_new ? Below::is_new : Below::has_it;
  if (is_new && keys_[number].held) ++new_keys_;
}

}  // namespace accrete
