#include "base/key_name.hpp"

#include <accrete/store.hpp>
#include <algorithm>
#include <array>

#include "base/hex.hpp"

namespace accrete {
namespace {

constexpr std::array<bool, 256> plain_table = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-. "}) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

/// How many bytes `key` begins with that stand for themselves, wherever in a component that is not its front.
std::size_t plain_size(std::string_view key) noexcept {
  const auto is_plain = [](char c) { return plain_table[static_cast<unsigned char>(c)]; };
  return static_cast<std::size_t>(std::find_if_not(key.begin(), key.end(), is_plain) - key.begin());
}

}  // namespace

std::string key_to_name(std::string_view key) {
  std::string name;
  name.reserve(key.size() + 8);
  std::size_t component_size = 0;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (component_size > 0) {
      const std::size_t plain = plain_size(key.substr(i, max_component - 1 - component_size));
      name.append(key, i, plain);
      component_size += plain;
      i += plain;
      if (i == key.size()) break;
    }
    const auto byte = static_cast<unsigned char>(key[i]);
    const auto token_size = [&]() -> std::size_t {
      return plain_table[byte] && (byte != '.' || component_size > 0) ? 1 : 3;
    };
    // The last token may fill the component; any other must leave room for the bare "%" of a directory.
    const bool last = i + 1 == key.size();
    const std::size_t room = max_component - (last ? 0 : 1);
    if (component_size + token_size() > room) {
      name += "%/";
      component_size = 0;
    }
    const std::size_t size = token_size();
    if (size == 1) {
      name += static_cast<char>(byte);
    } else {
      name += '%';
      append_hex(name, static_cast<char>(byte), upper_hex_digits);
    }
    component_size += size;
  }
  return name;
}

std::optional<std::string> name_to_key(std::string_view name) {
  const auto digit = [](char c) { return upper_hex_digits.find(c); };
  std::string key;
  for (std::size_t i = 0; i < name.size();) {
    const std::size_t plain = std::min(name.find('%', i), name.size()) - i;
    key.append(name, i, plain);
    i += plain;
    if (i == name.size()) break;
    if (i + 1 < name.size() && name[i + 1] == '/') {
      i += 2;
      continue;
    }
    if (name.size() - i < 3) return std::nullopt;
    const std::size_t high = digit(name[i + 1]);
    const std::size_t low = digit(name[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    key += static_cast<char>(high * 16 + low);
    i += 3;
  }
  if (key.empty() || key.size() > max_key_size || key_to_name(key) != name) return std::nullopt;
  return key;
}

}  // namespace accrete
