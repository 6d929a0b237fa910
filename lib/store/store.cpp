// What all stores do alike: they check arguments, and let only errors of accrete out.
#include <accrete/accrete.hpp>
#include <limits>

#include "base/escape.hpp"
#include "base/foreign_errors.hpp"

namespace accrete {
namespace {

void check_key(std::string_view key) {
  if (key.empty()) throw InvalidKeyError("the key is empty; keys have 1 to " + std::to_string(max_key_size) + " bytes");
  if (key.size() > max_key_size) {
    throw InvalidKeyError("the key " + quoted(key) + " is too long; keys have 1 to " + std::to_string(max_key_size) +
                          " bytes");
  }
}

}  // namespace

void Store::append(std::string_view key, std::string_view bytes) {
  const Entry entry{key, bytes};
  append_batch({&entry, 1});
}

void Store::append_batch(std::span<const Entry> entries, const AppendOptions& options) {
  for (const Entry& entry : entries) check_key(entry.key);
  if (options.expect_size && entries.size() != 1) {
    throw InvalidArgumentError("expect_size needs a batch of one entry; this one has " +
                               std::to_string(entries.size()));
  }
  if (entries.empty() && !options.id) return;
  without_foreign_errors("append", [&] { do_append_batch(entries, options); });
}

std::uint64_t Store::max_batch_bytes() const {
  return without_foreign_errors("ask how large a batch may be", [&] { return do_max_batch_bytes(); });
}

std::uint64_t Store::do_max_batch_bytes() const { return std::numeric_limits<std::uint64_t>::max(); }

std::string Store::get(std::string_view key) const {
  check_key(key);
  return without_foreign_errors("get the value", key, [&] { return do_get(key); });
}

std::vector<std::string> Store::get_batch(std::span<const std::string_view> keys) const {
  for (const std::string_view key : keys) check_key(key);
  return without_foreign_errors("get values", [&] { return do_get_batch(keys); });
}

std::string Store::get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const {
  check_key(key);
  return without_foreign_errors("get a range of the value", key, [&] { return do_get_range(key, offset, size); });
}

std::size_t Store::get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const {
  check_key(key);
  return without_foreign_errors("get a range of the value", key, [&] { return do_get_range_into(key, offset, to); });
}

std::size_t Store::do_get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const {
  return do_get_range(key, offset, to.size()).copy(to.data(), to.size());
}

std::optional<std::uint64_t> Store::size(std::string_view key) const {
  check_key(key);
  return without_foreign_errors("get the size of the value", key, [&] { return do_size(key); });
}

std::vector<KeySize> Store::list(const ListOptions& options) const {
  return without_foreign_errors("list the keys", [&] { return do_list(options); });
}

std::uint64_t Store::removals() const {
  return without_foreign_errors("get the number of removals", [&] { return do_removals(); });
}

Stats Store::stats() const {
  return without_foreign_errors("get the statistics", [&] { return do_stats(); });
}

std::optional<std::uint64_t> Store::last_sequence(const WriterId& writer) const {
  return without_foreign_errors("get the last sequence of a writer", [&] { return do_last_sequence(writer); });
}

void Store::erase(std::string_view key) {
  check_key(key);
  without_foreign_errors("erase the value", key, [&] { do_erase(key); });
}

void Store::flush() {
  without_foreign_errors("flush", [&] { do_flush(); });
}

void Store::sync() {
  without_foreign_errors("sync", [&] { do_sync(); });
}

void Store::drop() {
  without_foreign_errors("drop all keys", [&] { do_drop(); });
}

}  // namespace accrete
