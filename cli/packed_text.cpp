#include "cli/packed_text.hpp"

#include <accrete/packed_detail.hpp>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "cli/base64.hpp"
#include "cli/json_text.hpp"
#include "typed/packed_token.hpp"

namespace accrete::cli {
namespace {

/// Where an object stands whose JSON is written. The JSON of a key is escaped to become a string, so a key in a key
/// gets longer with each level; there arrays and maps are keys in another form.
enum class Place { value, key };

void write(std::string& out, std::string_view& item, Place place);

template <typename Number>
void write_number(std::string& out, Number number) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  out.append(text.data(), end);
}

template <typename Float>
void write_float(std::string& out, Float number) {
  if (!std::isfinite(number)) {
    out.append(R"({"$float":")").append(std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf").append("\"}");
    return;
  }
  const std::size_t begin = out.size();
  write_number(out, number);
  if (out.find_first_of(".e", begin) == std::string::npos) out.append(".0");
}

std::string base64_string(std::string_view bytes) {
  Base64Encoder encoder;
  std::string text = "\"" + encoder.encode(bytes);
  return text.append(encoder.finish()).append("\"");
}

void write_base64(std::string& out, std::string_view bytes) {
  out.append(R"({"$base64":)").append(base64_string(bytes)).append("}");
}

void append_digits(std::string& out, std::uint64_t number, std::size_t width, char after) {
  const std::string digits = std::to_string(number);
  out.append(width - std::min(width, digits.size()), '0').append(digits) += after;
}

/// As RFC 3339 has it.
std::string time_text(std::int64_t seconds, std::uint64_t nanoseconds) {
  using namespace std::chrono;
  const sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  std::string text;
  append_digits(text, static_cast<std::uint64_t>(int{date.year()}), 4, '-');
  append_digits(text, unsigned{date.month()}, 2, '-');
  append_digits(text, unsigned{date.day()}, 2, 'T');
  append_digits(text, static_cast<std::uint64_t>(clock.hours().count()), 2, ':');
  append_digits(text, static_cast<std::uint64_t>(clock.minutes().count()), 2, ':');
  append_digits(text, static_cast<std::uint64_t>(clock.seconds().count()), 2, nanoseconds > 0 ? '.' : 'Z');
  if (nanoseconds == 0) return text;
  append_digits(text, nanoseconds, 9, 'Z');
  text.erase(text.find_last_not_of("0Z") + 1);
  return text += 'Z';
}

/// nullopt if it is no timestamp, or one of a year of more than four digits.
std::optional<std::string> time_of(std::string_view body) {
  constexpr std::int64_t first_seconds = -62'167'219'200;  // 0000-01-01
  constexpr std::int64_t last_seconds = 253'402'300'799;   // 9999-12-31
  const std::optional<packed_detail::PackedTime> time = packed_detail::read_packed_time(body);
  if (!time || time->seconds < first_seconds || time->seconds > last_seconds) return std::nullopt;
  return time_text(time->seconds, time->nanoseconds);
}

/// `body` begins with the type.
void write_extension(std::string& out, std::string_view body) {
  const auto type = static_cast<std::int8_t>(body[0]);
  if (const auto time = type == -1 ? time_of(body.substr(1)) : std::nullopt) {
    out.append(R"({"$time":")").append(*time).append("\"}");
    return;
  }
  out.append(R"({"$ext":[)")
      .append(std::to_string(int{type}))
      .append(",")
      .append(base64_string(body.substr(1)))
      .append("]}");
}

void write_array(std::string& out, std::string_view& item, std::uint64_t elements, Place place) {
  out += '[';
  for (std::uint64_t i = 0; i < elements; ++i) {
    if (i > 0) out += ',';
    write(out, item, place);
  }
  out += ']';
}

/// The JSON of the key at the front, which is taken off.
std::string take_key(std::string_view& item, Place of_map) {
  std::string key;
  std::string_view object = item;
  if (of_map == Place::value || !take_packed_token(object).is_container()) {
    write(key, item, Place::key);
  } else {
    key.append(R"({"$msgpack":)").append(base64_string(take_packed_object(item))).append("}");
  }
  return key.starts_with('"') ? key : json_string(key);
}

void write_map(std::string& out, std::string_view& item, std::uint64_t pairs, Place place) {
  out += '{';
  for (std::uint64_t i = 0; i < pairs; ++i) {
    if (i > 0) out += ',';
    out.append(take_key(item, place)) += ':';
    write(out, item, place);
  }
  out += '}';
}

void write_body(std::string& out, const PackedToken& token, std::string_view body) {
  if (token.kind == PackedKind::extension) {
    write_extension(out, body);
  } else if (token.kind == PackedKind::string && is_utf8(body)) {
    out.append(json_string(body));
  } else {
    write_base64(out, body);
  }
}

/// Writes the object at the front of `item`, and takes it off.
void write(std::string& out, std::string_view& item, Place place) {
  const PackedToken token = take_packed_token(item);
  switch (token.kind) {
    case PackedKind::boolean:
      out.append(token.number == 1 ? "true" : "false");
      return;
    case PackedKind::unsigned_integer:
      return write_number(out, token.number);
    case PackedKind::signed_integer:
      return write_number(out, static_cast<std::int64_t>(token.number));
    case PackedKind::float32:
      return write_float(out, packed_float32(token));
    case PackedKind::float64:
      return write_float(out, packed_float64(token));
    case PackedKind::string:
    case PackedKind::binary:
    case PackedKind::extension:
      return write_body(out, token, take_packed_body(item, token));
    case PackedKind::array:
      return write_array(out, item, token.number, place);
    case PackedKind::map:
      return write_map(out, item, token.number, place);
    default:
      out.append("null");
  }
}

}  // namespace

std::string json_of_packed(std::string_view item) {
  std::string text;
  write(text, item, Place::value);
  return text;
}

}  // namespace accrete::cli
