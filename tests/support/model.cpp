#include "support/model.hpp"

#include <span>

#include "base/bytes.hpp"
#include "base/escape.hpp"

namespace accrete::test {

bool Model::append_batch(std::span<const Entry> entries, const AppendOptions& options) {
  if (options.id && is_old(*options.id)) return false;
  if (options.expect_size) {
    const std::optional<std::uint64_t> has = size(entries.front().key);
    if (*options.expect_size == 0 ? has.has_value() : has != options.expect_size) return false;
  }
  for (const Entry& entry : entries) values_[std::string(entry.key)] += entry.bytes;
  if (options.id) sequences_[options.id->writer] = options.id->sequence;
  return true;
}

void Model::erase(std::string_view key) {
  if (const auto at = values_.find(key); at != values_.end()) values_.erase(at);
}

void Model::drop() { values_.clear(); }

std::string Model::get(std::string_view key) const {
  const auto at = values_.find(key);
  return at == values_.end() ? std::string() : at->second;
}

std::optional<std::uint64_t> Model::size(std::string_view key) const {
  const auto at = values_.find(key);
  if (at == values_.end()) return std::nullopt;
  return at->second.size();
}

std::vector<KeySize> Model::list(const ListOptions& options) const {
  std::vector<KeySize> keys;
  for (const auto& [key, value] : values_) {
    if (!key.starts_with(options.prefix)) continue;
    if (options.after && key <= *options.after) continue;
    if (options.limit && keys.size() == *options.limit) break;
    keys.push_back({key, value.size()});
  }
  return keys;
}

Stats Model::stats() const {
  Stats stats{.keys = values_.size(), .bytes = 0};
  for (const auto& [key, value] : values_) stats.bytes += value.size();
  return stats;
}

bool Model::is_old(const BatchId& id) const {
  const auto last = sequences_.find(id.writer);
  return last != sequences_.end() && id.sequence <= last->second;
}

std::string difference(const Store& store, const Model& model) {
  if (store.list() != model.list()) {
    return "list: " + std::to_string(store.list().size()) + " keys, or their sizes, not the " +
           std::to_string(model.list().size()) + " expected";
  }
  const Stats stats = store.stats();
  const Stats expected = model.stats();
  if (stats.keys != expected.keys || stats.bytes != expected.bytes) {
    return "stats: " + std::to_string(stats.keys) + " keys and " + std::to_string(stats.bytes) + " bytes, not " +
           std::to_string(expected.keys) + " and " + std::to_string(expected.bytes);
  }
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : model.values()) keys.push_back(key);
  const std::vector<std::string> values = store.get_batch(keys);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (values[i] != model.get(keys[i])) return "get_batch: the value of " + quoted(keys[i]);
    if (store.get(keys[i]) != values[i]) return "get: the value of " + quoted(keys[i]);
    if (store.size(keys[i]) != values[i].size()) return "size: of " + quoted(keys[i]);
  }
  for (const auto& [writer, sequence] : model.sequences()) {
    if (store.last_sequence(writer) != sequence) return "last_sequence: not " + std::to_string(sequence);
  }
  return {};
}

std::vector<Entry> OwnedBatch::view() const {
  std::vector<Entry> view;
  view.reserve(entries.size());
  for (const auto& [key, bytes] : entries) view.push_back({key, bytes});
  return view;
}

WriterId writer_id(std::uint64_t number) {
  WriterId writer{};
  store_le(std::span(writer).first<8>(), number);
  return writer;
}

}  // namespace accrete::test
