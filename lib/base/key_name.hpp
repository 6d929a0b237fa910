// Keys to file names and back, one-to-one.
//
//   name      = *(directory "/") file          ; at most max_component bytes each
//   directory = 1*token "%"                    ; a full piece of a long key; a bare "%" ends it
//   file      = 1*token
//   token     = plain / "%" HEX HEX            ; upper-case hexadecimal
//   plain     = A-Z a-z 0-9 "_" "-" "." SP     ; but "." is %2E at the front of a directory or file
//
// A component is filled with as many whole tokens as fit, so a key has one name and a name one key. No name begins with
// a dot: such names are the dataset's own files. No name has a component "." or "..", is absolute or is empty.
// Rejected: hashing long keys, which cannot be undone.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace accrete {

/// Below NAME_MAX (255), so that tools have room for their temporary suffixes.
inline constexpr std::size_t max_component = 240;

/// The relative path of a key's file. The key must have 1 to max_key_size bytes.
[[nodiscard]] std::string key_to_name(std::string_view key);

/// nullopt for what no key's name is: also for an encoding that `key_to_name` would not have made.
[[nodiscard]] std::optional<std::string> name_to_key(std::string_view name);

}  // namespace accrete
