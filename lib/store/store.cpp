// What all stores do alike: they check arguments, and let only errors of accrete out.
#include <accrete/accrete.hpp>
#include <limits>

#include "base/attributes.hpp"
#include "base/check_key.hpp"
#include "base/escape.hpp"
#include "base/foreign_errors.hpp"
#include "base/interruptible_work.hpp"

namespace accrete {
namespace {

void check_attribute_name(std::string_view name) {
  if (is_attribute_name(name)) return;
  throw InvalidArgumentError(quoted(name) + " is no name of an attribute; one has 1 to " +
                             std::to_string(max_attribute_name_size) + " letters, digits, '_', '.' or '-'");
}

void check_attribute_size(std::string_view name, std::optional<std::string_view> value) {
  if (!value || value->size() <= max_attribute_size) return;
  throw TooLargeError("cannot set the attribute " + quoted(name) + ": a value of " + std::to_string(value->size()) +
                      " bytes was given, and one has " + std::to_string(max_attribute_size) +
                      " at most; keep larger ones under a key");
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
  const std::string range = do_get_range(key, offset, to.size());
  InterruptibleWork().copy(range, to.data());
  return range.size();
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

std::optional<std::string> Store::attribute(std::string_view name) const {
  check_attribute_name(name);
  return without_foreign_errors("get an attribute", [&] { return do_attribute(name); });
}

std::vector<std::string> Store::attributes() const {
  return without_foreign_errors("list the attributes", [&] { return do_attributes(); });
}

bool Store::set_attribute(std::string_view name, std::optional<std::string_view> value,
                          const AttributeOptions& options) {
  check_attribute_name(name);
  check_attribute_size(name, value);
  check_attribute_size(name, options.expect_value);
  if (options.expect_none && options.expect_value) {
    throw InvalidArgumentError("cannot set the attribute " + quoted(name) +
                               ": it cannot be expected to be none and to have a value; leave one out");
  }
  return without_foreign_errors("set an attribute", [&] { return do_set_attribute(name, value, options); });
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
