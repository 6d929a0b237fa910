#include "base/attributes.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "base/hash.hpp"

namespace accrete {
namespace {

constexpr std::string_view magic = "accrete attributes\n";
constexpr std::uint32_t newest_format = 1;
constexpr std::size_t front_size = magic.size() + sizeof(std::uint32_t) + sizeof(std::uint64_t);
constexpr std::size_t attribute_head_size = sizeof(std::uint8_t) + sizeof(std::uint32_t);
// At most, each attribute is a name of one byte.
static_assert(front_size + max_attributes_size * (attribute_head_size + 1) <= max_encoded_attributes_size);

[[noreturn]] void throw_damaged(const std::string& path, std::string_view what) {
  throw CorruptionError("the attributes " + quoted(path) + " are damaged: " + std::string(what) +
                        "; restore the file from a copy, or 'accrete verify --repair' goes on without attributes");
}

void check_format(std::uint32_t format, const std::string& path) {
  if (format == 0) throw_damaged(path, "their format is 0");
  if (format == newest_format) return;
  throw UnsupportedError("cannot read the attributes " + quoted(path) + ": they have format " + std::to_string(format) +
                         ", and this version of accrete reads formats up to " + std::to_string(newest_format) +
                         "; use a newer version");
}

}  // namespace

bool is_attribute_name(std::string_view name) noexcept {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  };
  return !name.empty() && name.size() <= max_attribute_name_size && std::ranges::all_of(name, is_allowed);
}

std::optional<std::string> Attributes::value(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? std::nullopt : std::optional(at->second);
}

std::vector<std::string> Attributes::names() const {
  std::vector<std::string> names;
  names.reserve(values_.size());
  for (const auto& [name, value] : values_) names.push_back(name);
  return names;
}

bool Attributes::meets(std::string_view name, const AttributeOptions& options) const {
  const auto at = values_.find(name);
  if (options.expect_none) return at == values_.end();
  if (options.expect_value) return at != values_.end() && at->second == *options.expect_value;
  return true;
}

bool Attributes::set(std::string_view name, std::optional<std::string_view> value) {
  const auto at = values_.find(name);
  const std::size_t old_size = at == values_.end() ? 0 : name.size() + at->second.size();
  const std::size_t new_size = value ? name.size() + value->size() : 0;
  if (new_size == old_size && (!value || at->second == *value)) return false;
  const std::size_t all = size_ - old_size + new_size;
  if (new_size > old_size && all > max_attributes_size) {
    throw TooLargeError("cannot set the attribute " + quoted(name) + ": all attributes of the dataset would have " +
                        std::to_string(all) + " bytes with their names, and they have " +
                        std::to_string(max_attributes_size) + " at most; remove one, or keep the bytes under a key");
  }
  if (value) {
    values_.insert_or_assign(std::string(name), std::string(*value));
  } else {
    values_.erase(at);
  }
  size_ = all;
  return true;
}

std::string Attributes::encode() const {
  std::string bytes;
  for (const auto& [name, value] : values_) {
    append_le(bytes, static_cast<std::uint8_t>(name.size()));
    bytes += name;
    append_le(bytes, static_cast<std::uint32_t>(value.size()));
    bytes += value;
  }
  std::string front(magic);
  append_le(front, newest_format);
  append_le(front, hash64(bytes, newest_format));
  return front + bytes;
}

Attributes Attributes::decode(std::string_view bytes, const std::string& path) {
  ByteReader reader(bytes);
  if (reader.bytes(magic.size()) != magic) throw_damaged(path, "they do not begin with 'accrete attributes'");
  const auto format = reader.integer<std::uint32_t>();
  const auto checksum = reader.integer<std::uint64_t>();
  if (!reader.ok()) throw_damaged(path, "they are cut off");
  check_format(format, path);
  if (checksum != hash64(bytes.substr(front_size), format)) throw_damaged(path, "their checksum does not match");
  Attributes attributes;
  while (!reader.at_end()) {
    const std::string_view name = reader.bytes(reader.integer<std::uint8_t>());
    const std::string_view value = reader.bytes(reader.integer<std::uint32_t>());
    if (!reader.ok() || !is_attribute_name(name) || value.size() > max_attribute_size) {
      throw_damaged(path, "one is cut off, or has no valid name or size");
    }
    if (!attributes.values_.empty() && attributes.values_.rbegin()->first >= name) {
      throw_damaged(path, "their names are not in order");
    }
    attributes.values_.emplace(name, value);
    attributes.size_ += name.size() + value.size();
  }
  if (attributes.size_ > max_attributes_size) throw_damaged(path, "they are too large");
  return attributes;
}

}  // namespace accrete
