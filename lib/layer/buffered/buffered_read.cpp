// Reading what a buffer has gathered after what is below.
#include <accrete/error.hpp>
#include <algorithm>
#include <limits>
#include <utility>

#include "dataset/marker.hpp"
#include "layer/buffered/buffered.hpp"
#include "os/uuid.hpp"

namespace accrete {
namespace {

constexpr std::uint64_t whole = std::numeric_limits<std::uint64_t>::max();

/// Two sorted lists, of which keys may be in both.
std::vector<KeySize> merged(std::vector<KeySize>&& below, std::vector<KeySize>&& gathered,
                            std::optional<std::size_t> limit) {
  std::vector<KeySize> keys;
  keys.reserve(below.size() + gathered.size());
  auto left = below.begin();
  auto right = gathered.begin();
  while (left != below.end() || right != gathered.end()) {
    const bool take_left = right == gathered.end() || (left != below.end() && left->key <= right->key);
    KeySize next = std::move(take_left ? *left++ : *right++);
    if (take_left && right != gathered.end() && right->key == next.key) next.size += (right++)->size;
    if (limit && keys.size() >= *limit) break;
    keys.push_back(std::move(next));
  }
  return keys;
}

}  // namespace

std::string Buffered::do_get(std::string_view key) const {
  const auto order = share_order();
  std::string gathered;
  copy_gathered(key, 0, whole, gathered);
  std::string value = below_->get(key);
  if (value.empty()) return gathered;
  value += gathered;
  return value;
}

std::vector<std::string> Buffered::do_get_batch(std::span<const std::string_view> keys) const {
  const auto order = share_order();
  std::vector<std::string> gathered(keys.size());
  {
    const std::lock_guard lock(state_->mutex);
    for (std::size_t i = 0; i < keys.size(); ++i) state_->values.copy(keys[i], 0, whole, gathered[i]);
  }
  std::vector<std::string> values = below_->get_batch(keys);
  for (std::size_t i = 0; i < keys.size(); ++i) values[i] += gathered[i];
  return values;
}

LocatedValues Buffered::locate(std::span<const std::string_view> keys,
                               const std::function<void(std::uint64_t)>& reserve) const {
  // To open a file takes as long as to send so much.
  constexpr std::uint64_t min_in_file = std::uint64_t{64} << 10;
  const auto order = share_order();
  LocatedValues located;
  located.values.resize(keys.size());
  const bool has_files = settings_.owned != nullptr && settings_.owned->has_readable_values();
  if (has_files) {
    located.dataset = parse_uuid(settings_.owned->marker().uuid).value();
    located.removals = settings_.owned->removals();
  }
  std::vector<std::size_t> small;
  std::vector<std::string_view> small_keys;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint64_t size = below_->size(keys[i]).value_or(0);
    if (has_files && size >= min_in_file) {
      located.values[i].in_file = size;
    } else if (size > 0) {
      small.push_back(i);
      small_keys.push_back(keys[i]);
      bytes += size;
    }
  }
  {
    const std::lock_guard lock(state_->mutex);
    for (const std::string_view key : keys) bytes += state_->values.size(key).value_or(0);
  }
  reserve(bytes);
  {
    const std::lock_guard lock(state_->mutex);
    for (std::size_t i = 0; i < keys.size(); ++i) state_->values.copy(keys[i], 0, whole, located.values[i].rest);
  }
  std::vector<std::string> values = below_->get_batch(small_keys);
  for (std::size_t i = 0; i < small.size(); ++i) {
    std::string& rest = located.values[small[i]].rest;
    values[i] += rest;
    rest = std::move(values[i]);
  }
  return located;
}

std::string Buffered::do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const {
  const auto order = share_order();
  std::string range = below_->get_range(key, offset, size);
  copy_gathered_after(key, offset, size, range.size(), range);
  return range;
}

std::size_t Buffered::do_get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const {
  const auto order = share_order();
  const std::size_t size = below_->get_range_into(key, offset, to);
  std::string gathered;
  copy_gathered_after(key, offset, to.size(), size, gathered);
  return size + gathered.copy(to.subspan(size).data(), gathered.size());
}

/// Appends what the store below has not of a range of `size` bytes.
void Buffered::copy_gathered_after(std::string_view key, std::uint64_t offset, std::uint64_t size,
                                   std::uint64_t size_below, std::string& to) const {
  if (size_below == size) return;
  const std::uint64_t end_below = size_below == 0 ? below_->size(key).value_or(0) : offset + size_below;
  copy_gathered(key, offset > end_below ? offset - end_below : 0, size - size_below, to);
}

void Buffered::copy_gathered(std::string_view key, std::uint64_t offset, std::uint64_t size, std::string& to) const {
  const std::lock_guard lock(state_->mutex);
  state_->values.copy(key, offset, size, to);
}

std::optional<std::uint64_t> Buffered::do_size(std::string_view key) const {
  const auto order = share_order();
  const std::optional<std::uint64_t> below = below_->size(key);
  const std::lock_guard lock(state_->mutex);
  const std::optional<std::uint64_t> gathered = state_->values.size(key);
  if (!below) return gathered;
  return *below + gathered.value_or(0);
}

std::vector<KeySize> Buffered::do_list(const ListOptions& options) const {
  const auto order = share_order();
  std::vector<KeySize> gathered;
  {
    const std::lock_guard lock(state_->mutex);
    gathered = state_->values.list(options);
  }
  return merged(below_->list(options), std::move(gathered), options.limit);
}

std::uint64_t Buffered::do_removals() const {
  const auto order = share_order();
  const std::uint64_t below = below_->removals();
  const std::lock_guard lock(state_->mutex);
  return below + state_->removals;
}

Stats Buffered::do_stats() const {
  const auto order = share_order();
  look_up_unknown_keys();
  Stats stats = below_->stats();
  const std::lock_guard lock(state_->mutex);
  stats.keys += state_->values.new_keys();
  stats.bytes += state_->values.bytes();
  stats.buffered_bytes += state_->values.bytes();
  stats.flushes += state_->flushes;
  return stats;
}

/// A damaged value is one, too.
bool Buffered::has_value_below(std::string_view key) const {
  try {
    return below_->size(key).has_value();
  } catch (const CorruptionError&) {
    return true;
  }
}

bool Buffered::is_empty_below() const {
  try {
    return below_->list({.limit = 1}).empty();
  } catch (const CorruptionError&) {
    return false;
  }
}

/// Each key is looked up once while it is gathered, so that the cost is that of the appends, not of the keys.
void Buffered::look_up_unknown_keys() const {
  std::vector<std::string> keys;
  {
    const std::lock_guard lock(state_->mutex);
    keys = state_->values.unknown_keys();
  }
  for (const std::string& key : keys) {
    const bool is_new = !has_value_below(key);
    const std::lock_guard lock(state_->mutex);
    state_->values.know(key, is_new);
  }
}

}  // namespace accrete
