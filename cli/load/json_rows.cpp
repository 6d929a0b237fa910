// JSON lines as rows: finds the fields that make the key.
#include <accrete/error.hpp>
#include <algorithm>
#include <optional>
#include <simdjson.h>

#include "base/escape.hpp"
#include "cli/load/input_buffer.hpp"
#include "cli/load/length_prefixed.hpp"
#include "cli/load/line_reader.hpp"
#include "cli/load/packed_row.hpp"
#include "cli/load/row_parser.hpp"
#include "typed/packed_token.hpp"

namespace accrete::cli {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(InputBuffer::padding >= simdjson::SIMDJSON_PADDING);

void pack(std::string& out, simdjson::dom::element element);

void pack(std::string& out, simdjson::dom::object object) {
  // size() does not count beyond 2^24 - 1.
  pack_map_head(out, static_cast<std::uint64_t>(std::distance(object.begin(), object.end())));
  for (const auto field : object) {
    pack_string(out, field.key);
    pack(out, field.value);
  }
}

void pack(std::string& out, simdjson::dom::array array) {
  pack_array_head(out, static_cast<std::uint64_t>(std::distance(array.begin(), array.end())));
  for (const auto element : array) pack(out, element);
}

void pack(std::string& out, simdjson::dom::element element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::OBJECT:
      return pack(out, simdjson::dom::object(element));
    case element_type::ARRAY:
      return pack(out, simdjson::dom::array(element));
    case element_type::STRING:
      return pack_string(out, std::string_view(element));
    case element_type::INT64:
      return pack_signed(out, std::int64_t(element));
    case element_type::UINT64:
      return pack_unsigned(out, std::uint64_t(element));
    case element_type::DOUBLE:
      return pack_float64(out, double(element));
    case element_type::BOOL:
      return pack_boolean(out, bool(element));
    case element_type::NULL_VALUE:
      return pack_nil(out);
  }
}

/// A name that stands twice in one object, which JSON allows and a map does not.
std::optional<std::string> repeated_name(simdjson::dom::element element) {
  std::optional<std::string> found;
  if (element.is_array()) {
    for (const auto inside : simdjson::dom::array(element)) {
      if (!found) found = repeated_name(inside);
    }
  }
  if (!element.is_object()) return found;
  std::vector<std::string_view> names;
  for (const auto field : simdjson::dom::object(element)) {
    names.push_back(field.key);
    if (!found) found = repeated_name(field.value);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) found = *twice;
  return found;
}

/// simdjson refuses numbers beyond 64 bits. Its newer versions have an error of their own for integers.
template <typename Code>
bool is_of_number(Code error) {
  if constexpr (requires { Code::BIGINT_ERROR; }) {
    if (error == Code::BIGINT_ERROR) return true;
  }
  return error == Code::NUMBER_ERROR;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Whether it is a number as RFC 8259 has it, whatever its value.
bool is_number(std::string_view text) {
  const auto take_digits = [&] {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) ++count;
    text.remove_prefix(count);
    return count;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool begins_with_zero = text.starts_with('0');
  const std::size_t whole_digits = take_digits();
  if (whole_digits == 0 || (begins_with_zero && whole_digits > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (take_digits() == 0) return false;
  }
  if (!text.starts_with('e') && !text.starts_with('E')) return text.empty();
  text.remove_prefix(1);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return take_digits() > 0 && text.empty();
}

/// The line with 0 for each number, which is valid JSON if the line is.
std::string with_small_numbers(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size();) {
    std::size_t end = i + 1;
    if (line[i] == '"') {
      while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, line.size());
    } else if (line[i] == '-' || is_digit(line[i])) {
      end = std::min(line.find_first_not_of("+-.0123456789Ee", i), line.size());
      if (is_number(line.substr(i, end - i))) {
        out += '0';
        i = end;
        continue;
      }
    }
    out += line.substr(i, end - i);
    i = end;
  }
  return out;
}

/// A field that is looked for: of an object, the one of this name, or of the object in it that the name begins with.
struct Wanted {
  std::size_t number;     // of the key's fields
  std::string_view path;  // what is left of it
};

/// The `rest` after `name.`; nullopt if the path does not begin so.
std::optional<std::string_view> path_below(std::string_view path, std::string_view name) {
  if (path.size() <= name.size() || path[name.size()] != '.' || !path.starts_with(name)) return std::nullopt;
  return path.substr(name.size() + 1);
}

class JsonRows final : public RowParser {
 public:
  JsonRows(std::vector<std::string> by, std::string key_separator, RowForm form)
      : by_(std::move(by)), key_separator_(std::move(key_separator)), form_(form), found_(by_.size()) {}

  std::unique_ptr<RowParser> clone() const override {
    auto other = std::make_unique<JsonRows>(by_, key_separator_, form_);
    other->lines_ = lines_;
    return other;
  }

  void set_ending(char ending) override { lines_.set_ending(ending); }

  void feed(std::string_view text, bool complete) override { lines_.feed(text, complete); }

  RowKind next(Row& row) override {
    row.bytes = lines_.next();
    if (row.bytes.empty()) return RowKind::incomplete;
    const std::string_view line = without_ending(row.bytes);
    row.line_count = lines_.is_ended(row.bytes) ? 1 : 0;
    if (line.find_first_not_of(" \t") == std::string_view::npos) return RowKind::blank;
    row.problem = read_fields(line);
    if (!row.problem.empty()) return RowKind::malformed;
    row.problem = join_fields();
    row.key = key_;
    row.value = is_packed() ? std::string_view(map_) : row.bytes;
    return RowKind::row;
  }

  bool keeps_endings() const override { return !is_packed(); }

  std::string description() const override {
    std::string text;
    append_prefixed(text, is_packed() ? "jsonl to msgpack" : "jsonl");
    append_prefixed(text, key_separator_);
    for (const std::string& name : by_) append_prefixed(text, name);
    return text;
  }

 private:
  struct Found {
    std::size_t depth = 0;            // 1: a field of the line's object; 0: not found
    std::optional<std::string> text;  // nullopt: null
  };

  [[nodiscard]] bool is_packed() const { return form_ == RowForm::packed_map; }

  /// What is wrong with the line, or nothing.
  std::string read_fields(std::string_view line) {
    if (std::string problem = check(line); !problem.empty()) return problem;
    std::vector<Wanted> wanted;
    for (std::size_t i = 0; i < by_.size(); ++i) {
      found_[i] = {};
      wanted.push_back({.number = i, .path = by_[i]});
    }
    try {
      ondemand::document document = on_demand_.iterate(line, line.size() + InputBuffer::padding);
      return find_in(document.get_object(), wanted, 1);
    } catch (const simdjson::simdjson_error& error) {
      return invalid(line, error.error());
    }
  }

  /// The whole line is looked at here; On-Demand does not look at what it passes over.
  std::string check(std::string_view line) {
    simdjson::dom::element element;
    simdjson::error_code error = dom_.parse(line.data(), line.size(), false).get(element);
    // JSON allows numbers beyond 64 bits, and MessagePack does not.
    const bool is_beyond = is_of_number(error);
    if (is_beyond) error = dom_.parse(with_small_numbers(line)).get(element);
    if (error != simdjson::SUCCESS) return invalid(line, error);
    if (!element.is_object()) return "the line is JSON, but not an object" + advice_on(line);
    if (!is_packed()) return {};
    return is_beyond ? "a number of the line does not fit into 64 bits" : pack_map(element);
  }

  std::string pack_map(simdjson::dom::element object) {
    if (const auto name = repeated_name(object)) return "its field " + accrete::quoted(*name) + " stands there twice";
    map_.clear();
    pack(map_, object);
    return problem_of_item(map_);
  }

  static std::string invalid(std::string_view line, simdjson::error_code error) {
    return std::string("the line is not valid JSON: ") + simdjson::error_message(error) + advice_on(line);
  }

  static std::string advice_on(std::string_view line) {
    const char first = line[line.find_first_not_of(" \t")];
    if (first == '[') return "; each line must be an object: jq -c '.[]' makes them of an array";
    if (line == "{") return "; each line must be a whole object: jq -c . makes them of objects of several lines";
    return {};
  }

  /// Returns what is wrong with the wanted fields, or nothing.
  std::string find_in(ondemand::object object, const std::vector<Wanted>& wanted, std::size_t depth) {
    for (ondemand::field field : object) {
      const std::string_view name = field.unescaped_key();
      std::vector<Wanted> below;
      bool is_wanted = false;
      for (const Wanted& one : wanted) {
        if (one.path == name) is_wanted = true;
        if (const auto rest = path_below(one.path, name)) below.push_back({.number = one.number, .path = *rest});
      }
      if (!is_wanted && below.empty()) continue;
      ondemand::value value = field.value();
      if (!below.empty() && value.type() == ondemand::json_type::object) {
        if (is_wanted) return is_not_scalar(name);
        std::string problem = find_in(value.get_object(), below, depth + 1);
        if (!problem.empty()) return problem;
      } else if (is_wanted) {
        std::string problem = take(value, name, wanted, depth);
        if (!problem.empty()) return problem;
      }
    }
    return {};
  }

  /// The field of the fewest steps is taken: a name with a dot comes before a path.
  std::string take(ondemand::value value, std::string_view name, const std::vector<Wanted>& wanted, std::size_t depth) {
    const ondemand::json_type type = value.type();
    if (type == ondemand::json_type::object || type == ondemand::json_type::array) return is_not_scalar(name);
    const std::optional<std::string> text = text_of(value, type);
    for (const Wanted& one : wanted) {
      if (one.path != name) continue;
      Found& found = found_[one.number];
      if (found.depth == depth) return "its field " + accrete::quoted(by_[one.number]) + " stands there twice";
      if (found.depth == 0 || depth < found.depth) found = {.depth = depth, .text = text};
    }
    return {};
  }

  static std::string is_not_scalar(std::string_view name) {
    return "its field " + accrete::quoted(name) + " is an object or an array";
  }

  static std::optional<std::string> text_of(ondemand::value value, ondemand::json_type type) {
    if (type == ondemand::json_type::null) return std::nullopt;
    if (type == ondemand::json_type::string) return std::string(std::string_view{value.get_string()});
    const std::string_view token = value.raw_json_token();
    return std::string(token.substr(0, token.find_last_not_of(" \t\r\n") + 1));
  }

  /// Makes the key. Returns why there is none, if so.
  std::string join_fields() {
    key_.clear();
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const Found& found = found_[i];
      if (!found.text) {
        key_.clear();
        return found.depth == 0 ? "it has no field " + accrete::quoted(by_[i])
                                : "its field " + accrete::quoted(by_[i]) + " is null";
      }
      if (i > 0) key_ += key_separator_;
      key_ += *found.text;
    }
    return {};
  }

  std::vector<std::string> by_;
  std::string key_separator_;
  RowForm form_;
  std::string map_;
  std::vector<Found> found_;
  std::string key_;
  LineReader lines_;
  simdjson::dom::parser dom_;
  ondemand::parser on_demand_;
};

}  // namespace

std::unique_ptr<RowParser> json_rows(std::vector<std::string> by, std::string key_separator, RowForm form) {
  if (by.empty()) throw InvalidArgumentError("no fields are given to make the key of");
  return std::make_unique<JsonRows>(std::move(by), std::move(key_separator), form);
}

}  // namespace accrete::cli
