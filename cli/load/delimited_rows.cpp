// Delimited text as rows: finds the columns that make the key by their names in the header.
#include <accrete/error.hpp>
#include <algorithm>
#include <charconv>

#include "base/escape.hpp"
#include "cli/json_text.hpp"
#include "cli/load/delimited.hpp"
#include "cli/load/length_prefixed.hpp"
#include "cli/load/line_reader.hpp"
#include "cli/load/packed_row.hpp"
#include "cli/load/row_parser.hpp"
#include "typed/packed_token.hpp"

namespace accrete::cli {
namespace {

constexpr std::size_t max_columns = 1'000'000;

std::string problem_of(DelimitedKind kind, const DelimitedParser& parser) {
  if (kind == DelimitedKind::unterminated_quote) return "a quote that is never closed";
  if (kind == DelimitedKind::text_after_quote) return "text between a closing quote and the end of its field";
  return std::to_string(parser.field_count()) + (parser.field_count() == 1 ? " column" : " columns") + ", but column " +
         std::to_string(parser.needed_fields()) + " is needed";
}

std::vector<std::size_t> column_numbers(const std::vector<std::string>& by) {
  std::vector<std::size_t> columns;
  for (const std::string& text : by) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number == 0 || number > max_columns) {
      throw InvalidArgumentError("without a header, columns are named by their numbers, from 1 to " +
                                 std::to_string(max_columns) + ", and " + quoted(text) + " is none");
    }
    columns.push_back(number - 1);
  }
  return columns;
}

std::string list_of(std::span<const std::string_view> names) {
  constexpr std::size_t max_shown = 50;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), max_shown); ++i) {
    if (i > 0) list += ", ";
    list += quoted(names[i]);
  }
  if (names.size() > max_shown) list += " and " + std::to_string(names.size() - max_shown) + " more";
  return list;
}

class DelimitedRows final : public RowParser {
 public:
  explicit DelimitedRows(const DelimitedRowsOptions& options)
      : options_(options),
        columns_(options.header ? std::vector<std::size_t>{} : column_numbers(options.by)),
        parser_(make_parser()) {}

  RowKind read_header(std::string_view text, bool complete, Row& header) override {
    header = {};
    if (!complete && text.size() < byte_order_mark.size()) return RowKind::incomplete;
    const std::size_t mark = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
    header.bytes = text.substr(0, mark);
    if (!options_.header) return RowKind::row;
    DelimitedParser parser(options_.delimiter);
    parser.feed(text.substr(mark), complete);
    DelimitedKind kind = DelimitedKind::blank;
    while (kind == DelimitedKind::blank) {
      kind = parser.next();
      header.line_count += parser.line_count();
    }
    header.bytes = text.substr(0, text.size() - parser.rest().size());
    if (kind == DelimitedKind::incomplete) return complete ? RowKind::row : RowKind::incomplete;
    if (kind != DelimitedKind::row) {
      header.problem = "the header has " + problem_of(kind, parser);
      return RowKind::malformed;
    }
    return choose_columns(parser.fields(), header);
  }

  void feed(std::string_view text, bool complete) override { parser_.feed(text, complete); }

  RowKind next(Row& row) override {
    const DelimitedKind kind = parser_.next();
    row.bytes = parser_.bytes();
    row.line_count = parser_.line_count();
    if (kind == DelimitedKind::row && is_packed()) return pack(row);
    if (kind == DelimitedKind::row) {
      row.value = row.bytes;
      row.key = join(parser_.fields());
      return RowKind::row;
    }
    if (kind == DelimitedKind::incomplete) return RowKind::incomplete;
    if (kind == DelimitedKind::blank) return RowKind::blank;
    row.problem = "the row has " + problem_of(kind, parser_);
    return RowKind::malformed;
  }

  bool keeps_endings() const override { return !is_packed(); }

  std::string description() const override {
    std::string text;
    append_prefixed(text, is_packed() ? "delimited to msgpack" : "delimited");
    append_prefixed(text, {&options_.delimiter, 1});
    append_prefixed(text, options_.header ? "header" : "no header");
    append_prefixed(text, options_.key_separator);
    for (const std::string& name : options_.by) append_prefixed(text, name);
    return text;
  }

 private:
  [[nodiscard]] bool is_packed() const { return options_.form == RowForm::packed_map; }

  /// For a map all columns are wanted, for the key only those that make it.
  [[nodiscard]] DelimitedParser make_parser() const {
    return is_packed() ? DelimitedParser(options_.delimiter) : DelimitedParser(options_.delimiter, columns_);
  }

  RowKind choose_columns(std::span<const std::string_view> names, Row& header) {
    columns_.clear();
    for (const std::string& wanted : options_.by) {
      const auto found = std::find(names.begin(), names.end(), wanted);
      if (found == names.end()) {
        header.problem = "there is no column " + quoted(wanted) + "; the columns are " + list_of(names);
        return RowKind::malformed;
      }
      if (std::find(found + 1, names.end(), wanted) != names.end()) {
        header.problem = "there are several columns " + quoted(wanted) + "; the columns are " + list_of(names);
        return RowKind::malformed;
      }
      columns_.push_back(static_cast<std::size_t>(found - names.begin()));
    }
    if (is_packed()) {
      names_.assign(names.begin(), names.end());
      header.problem = problem_of_names();
      if (!header.problem.empty()) return RowKind::malformed;
    }
    parser_ = make_parser();
    return RowKind::row;
  }

  [[nodiscard]] std::string problem_of_names() const {
    const auto odd = std::find_if_not(names_.begin(), names_.end(), is_utf8);
    if (odd != names_.end()) return "the name of a column is not UTF-8: " + quoted(*odd);
    std::vector<std::string_view> sorted(names_.begin(), names_.end());
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    return twice == sorted.end() ? "" : "there are several columns " + quoted(*twice) + ", which a map cannot hold";
  }

  RowKind pack(Row& row) {
    const std::span<const std::string_view> fields = parser_.fields();
    const std::size_t needed =
        options_.header ? names_.size() : *std::max_element(columns_.begin(), columns_.end()) + 1;
    if (options_.header ? fields.size() != needed : fields.size() < needed) {
      row.problem = "the row has " + std::to_string(fields.size()) + (fields.size() == 1 ? " column" : " columns") +
                    (options_.header ? ", but the header has " + std::to_string(needed)
                                     : ", but column " + std::to_string(needed) + " is needed");
      return RowKind::malformed;
    }
    map_.clear();
    pack_map_head(map_, fields.size());
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (options_.header) {
        pack_string(map_, names_[i]);
      } else {
        pack_unsigned(map_, i + 1);
      }
      if (is_utf8(fields[i])) {
        pack_string(map_, fields[i]);
      } else {
        pack_binary(map_, fields[i]);
      }
    }
    row.problem = problem_of_item(map_);
    if (!row.problem.empty()) return RowKind::malformed;
    key_fields_.clear();
    for (const std::size_t column : columns_) key_fields_.push_back(fields[column]);
    row.key = join(key_fields_);
    row.value = map_;
    return RowKind::row;
  }

  std::string_view join(std::span<const std::string_view> fields) {
    if (fields.size() == 1) return fields[0];
    key_.assign(fields[0]);
    for (const std::string_view field : fields.subspan(1)) key_.append(options_.key_separator).append(field);
    return key_;
  }

  DelimitedRowsOptions options_;
  std::vector<std::size_t> columns_;  // that make the key
  DelimitedParser parser_;
  std::string key_;
  std::vector<std::string> names_;  // of the columns of maps
  std::vector<std::string_view> key_fields_;
  std::string map_;
};

}  // namespace

std::unique_ptr<RowParser> delimited_rows(const DelimitedRowsOptions& options) {
  if (options.by.empty()) throw InvalidArgumentError("no columns are given to make the key of");
  if (options.delimiter == '"' || options.delimiter == '\n' || options.delimiter == '\r') {
    throw InvalidArgumentError("a quote or a line ending cannot be the delimiter");
  }
  return std::make_unique<DelimitedRows>(options);
}

}  // namespace accrete::cli
