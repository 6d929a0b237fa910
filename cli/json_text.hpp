// JSON as text that is written piece by piece.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/output.hpp"

namespace accrete::cli {

[[nodiscard]] bool is_utf8(std::string_view bytes);

/// In quotes, with what JSON asks for escaped.
[[nodiscard]] std::string json_string(std::string_view utf8);

/// `"<name>":"<bytes>"`; bytes that are not UTF-8 as `"<name>_base64":"…"`.
[[nodiscard]] std::string json_member(std::string_view name, std::string_view bytes);

/// As json_member with the name "value", for the first `size` bytes of a value of any size.
void write_json_value(Output& out, const Store& store, std::string_view key, std::uint64_t size);

}  // namespace accrete::cli
