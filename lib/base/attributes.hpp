// The attributes of a dataset, and their bytes as a file holds them.
//
//   attributes = "accrete attributes\n" format:u32 checksum:u64 *(attribute)
//   attribute  = size:u8 name size:u32 value
//
// Integers are little-endian. `checksum` is hash64 of all that follows it, seeded with the format. Each name stands
// once, in byte order, so that the same attributes are the same bytes. All are written anew for each change: they are
// few, and small. An unknown format is reported as such before the checksum is looked at.
#pragma once

#include <accrete/store.hpp>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

/// Of the bytes of attributes: what no file of them exceeds. Each name has a byte or more.
inline constexpr std::size_t max_encoded_attributes_size = std::size_t{8} << 20;

[[nodiscard]] bool is_attribute_name(std::string_view name) noexcept;

class Attributes {
 public:
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  /// In byte order.
  [[nodiscard]] std::vector<std::string> names() const;

  /// Whether the attribute is what the options expect.
  [[nodiscard]] bool meets(std::string_view name, const AttributeOptions& options) const;

  /// nullopt: removes it. Returns whether that has changed anything. Throws TooLargeError, having changed nothing,
  /// where all attributes together would be too large.
  bool set(std::string_view name, std::optional<std::string_view> value);

  [[nodiscard]] std::string encode() const;
  /// Throws CorruptionError, or UnsupportedError for a newer format. `path` is for messages.
  [[nodiscard]] static Attributes decode(std::string_view bytes, const std::string& path);

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::size_t size_ = 0;  // bytes of names and values
};

}  // namespace accrete
