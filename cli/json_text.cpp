#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "cli/base64.hpp"
#include "cli/value_pieces.hpp"

namespace accrete::cli {
namespace {

using Cut = ValuePieces::Cut;

/// Without the quotes around it.
std::string json_characters(std::string_view utf8) {
  const std::string text = json_string(utf8);
  return text.substr(1, text.size() - 2);
}

bool is_utf8_value(const Store& store, std::string_view key, std::uint64_t size) {
  ValuePieces pieces(store, key, size, Cut::between_characters);
  for (std::string_view piece; !(piece = pieces.next()).empty();) {
    if (!is_utf8(piece)) return false;
  }
  return true;
}

}  // namespace

bool is_utf8(std::string_view bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

std::string json_string(std::string_view utf8) { return nlohmann::json(utf8).dump(); }

std::string json_member(std::string_view name, std::string_view bytes) {
  const std::string quoted_name = "\"" + std::string(name);
  if (is_utf8(bytes)) return quoted_name + "\":\"" + json_characters(bytes) + "\"";
  Base64Encoder encoder;
  std::string encoded = encoder.encode(bytes);
  encoded += encoder.finish();
  return quoted_name + "_base64\":\"" + encoded + "\"";
}

void write_json_value(Output& out, const Store& store, std::string_view key, std::uint64_t size) {
  if (is_utf8_value(store, key, size)) {
    out.write(R"("value":")");
    ValuePieces pieces(store, key, size, Cut::between_characters);
    for (std::string_view piece; !(piece = pieces.next()).empty();) out.write(json_characters(piece));
  } else {
    out.write(R"("value_base64":")");
    ValuePieces pieces(store, key, size);
    Base64Encoder encoder;
    for (std::string_view piece; !(piece = pieces.next()).empty();) out.write(encoder.encode(piece));
    out.write(encoder.finish());
  }
  out.write("\"");
}

}  // namespace accrete::cli
