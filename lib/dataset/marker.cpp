#include "dataset/marker.hpp"

#include <accrete/error.hpp>
#include <charconv>
#include <optional>

#include "base/escape.hpp"
#include "base/fields.hpp"
#include "os/uuid.hpp"

namespace accrete {
namespace {

constexpr std::string_view first_line = "accrete dataset\n";
constexpr std::string_view no_codec = "none";

[[noreturn]] void throw_damaged(const std::string& path, std::string_view what) {
  throw CorruptionError(
      "the marker " + quoted(path) + " is damaged: " + std::string(what) +
      "; restore it from a copy, or save the values, which are files beside it, raw unless the dataset was "
      "made with a codec: 'accrete create --adopt' makes a dataset of them, with its --codec");
}

std::optional<Codec> codec_of(std::string_view name, const std::string& path) {
  if (name == no_codec) return std::nullopt;
  try {
    const Codec codec = parse_codec(name);
    if (codec.name() != name) throw_damaged(path, "its codec " + quoted(name) + " is written as " + codec.name());
    return codec;
  } catch (const CorruptionError&) {
    throw;
  } catch (const Error& error) {
    throw UnsupportedError("the dataset of " + quoted(path) + " has the codec " + quoted(name) + ": " + error.what());
  }
}

}  // namespace

std::string encode_marker(const Marker& marker) {
  std::string text(first_line);
  text += "format " + std::to_string(marker.format) + "\n";
  text += "layout " + marker.layout + "\n";
  text += "codec " + (marker.codec ? marker.codec->name() : std::string(no_codec)) + "\n";
  text += "uuid " + marker.uuid + "\n";
  if (marker.temporary) text += "temporary yes\n";
  return text + checksum_line(text);
}

Marker decode_marker(std::string_view text, const std::string& path) {
  const std::string_view whole = text;
  if (!text.starts_with(first_line)) throw_damaged(path, "it does not begin with 'accrete dataset'");
  text.remove_prefix(first_line.size());

  Marker marker;
  const auto format = take_field(text, "format");
  if (!format) throw_damaged(path, "it has no format");
  const auto [end, error] = std::from_chars(format->data(), format->data() + format->size(), marker.format);
  if (error != std::errc{} || end != format->data() + format->size() || marker.format == 0) {
    throw_damaged(path, "its format " + quoted(*format) + " is not a number");
  }
  if (marker.format > newest_format) {
    throw UnsupportedError("the dataset of " + quoted(path) + " has format " + std::to_string(marker.format) +
                           ", and this version of accrete reads formats up to " + std::to_string(newest_format) +
                           "; use a newer version");
  }
  const auto layout = take_field(text, "layout");
  if (!layout) throw_damaged(path, "it has no layout");
  marker.layout = *layout;
  const auto codec = take_field(text, "codec");
  if (!codec) throw_damaged(path, "it has no codec");
  const auto uuid = take_field(text, "uuid");
  if (!uuid || !parse_uuid(*uuid)) throw_damaged(path, "its uuid is missing or malformed");
  marker.uuid = *uuid;
  if (const auto temporary = take_field(text, "temporary")) {
    if (*temporary != "yes") throw_damaged(path, "its field 'temporary' is not 'yes'");
    marker.temporary = true;
  }
  const std::string_view covered = whole.substr(0, whole.size() - text.size());
  const std::string_view last_line = text;
  if (!take_field(text, "checksum") || !text.empty()) throw_damaged(path, "it has no checksum at its end");
  if (last_line != checksum_line(covered)) throw_damaged(path, "its checksum does not match");
  marker.codec = codec_of(*codec, path);
  return marker;
}

}  // namespace accrete
