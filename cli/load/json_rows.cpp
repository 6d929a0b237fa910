// JSON lines as rows: finds the fields that make the key.
#include <accrete/error.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
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

class JsonRows final : public RowParser {
 public:
  JsonRows(std::vector<std::string> by, std::string key_separator, RowForm form)
      : by_(std::move(by)), key_separator_(std::move(key_separator)), form_(form), found_(by_.size()) {}

  RowKind read_header(std::string_view text, bool complete, Row& header) override {
    header = {};
    if (!complete && text.size() < byte_order_mark.size()) return RowKind::incomplete;
    header.bytes = text.substr(0, text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
    return RowKind::row;
  }

  void feed(std::string_view text, bool complete) override { lines_.feed(text, complete); }

  RowKind next(Row& row) override {
    row.bytes = lines_.next();
    if (row.bytes.empty()) return RowKind::incomplete;
    row.line_count = row.bytes.ends_with('\n') ? 1 : 0;
    const std::string_view line = without_ending(row.bytes);
    if (line.empty()) return RowKind::blank;
    row.problem = read_fields(line);
    if (!row.problem.empty()) return RowKind::malformed;
    join_fields();
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
  [[nodiscard]] bool is_packed() const { return form_ == RowForm::packed_map; }

  /// What is wrong with the line, or nothing.
  std::string read_fields(std::string_view line) {
    for (auto& field : found_) field.reset();
    if (std::string problem = check(line); !problem.empty()) return problem;
    try {
      ondemand::document document = on_demand_.iterate(line, line.size() + InputBuffer::padding);
      for (ondemand::field field : document.get_object()) {
        const std::string_view name = field.unescaped_key();
        if (!is_wanted(name)) continue;
        const std::optional<std::string> text = text_of(field.value());
        if (!text) return "its field " + accrete::quoted(name) + " is an object or an array";
        for (std::size_t i = 0; i < by_.size(); ++i) {
          if (by_[i] == name && !found_[i]) found_[i] = text;
        }
      }
    } catch (const simdjson::simdjson_error& error) {
      return invalid(error.error());
    }
    const auto missing = std::find(found_.begin(), found_.end(), std::nullopt);
    if (missing == found_.end()) return {};
    return "it has no field " + accrete::quoted(by_[static_cast<std::size_t>(missing - found_.begin())]);
  }

  /// The whole line is looked at here; On-Demand below does not look at what it passes over.
  std::string check(std::string_view line) {
    simdjson::dom::element element;
    const simdjson::error_code error = dom_.parse(line.data(), line.size(), false).get(element);
    if (error == simdjson::SUCCESS && !element.is_object()) return "the line is JSON, but not an object";
    if (error == simdjson::SUCCESS) return is_packed() ? pack_map(element) : "";
    // simdjson refuses integers beyond 64 bits, which JSON allows and MessagePack does not.
    if (error == simdjson::NUMBER_ERROR && nlohmann::json::accept(line)) {
      return is_packed() ? "a number of the line does not fit into 64 bits" : "";
    }
    return invalid(error);
  }

  std::string pack_map(simdjson::dom::element object) {
    if (const auto name = repeated_name(object)) return "its field " + accrete::quoted(*name) + " stands there twice";
    map_.clear();
    pack(map_, object);
    return problem_of_item(map_);
  }

  static std::string invalid(simdjson::error_code error) {
    return std::string("the line is not valid JSON: ") + simdjson::error_message(error);
  }

  [[nodiscard]] bool is_wanted(std::string_view name) const {
    return std::find(by_.begin(), by_.end(), name) != by_.end();
  }

  static std::optional<std::string> text_of(ondemand::value value) {
    const ondemand::json_type type = value.type();
    if (type == ondemand::json_type::object || type == ondemand::json_type::array) return std::nullopt;
    if (type == ondemand::json_type::string) return std::string(std::string_view{value.get_string()});
    const std::string_view token = value.raw_json_token();
    return std::string(token.substr(0, token.find_last_not_of(" \t\r\n") + 1));
  }

  void join_fields() {
    key_ = *found_[0];
    for (std::size_t i = 1; i < found_.size(); ++i) key_.append(key_separator_).append(*found_[i]);
  }

  std::vector<std::string> by_;
  std::string key_separator_;
  RowForm form_;
  std::string map_;
  std::vector<std::optional<std::string>> found_;
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
