// Delimited text as rows: finds the columns that make the key by their names in the header.
#include <accrete/error.hpp>
#include <algorithm>
#include <charconv>
#include <optional>

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

constexpr std::string_view quotes_are_bytes = "; if quotes are ordinary bytes in this input, give --no-quotes";

std::string count_of_columns(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " column" : " columns");
}

std::string problem_of(DelimitedKind kind, const DelimitedParser& parser, Quotes quotes) {
  const std::string closed = quotes == Quotes::closed
                                 ? std::string(quotes_are_bytes) + ", if fields in quotes hold delimiters, --quotes"
                                 : std::string(quotes_are_bytes);
  if (kind == DelimitedKind::unterminated_quote && quotes == Quotes::closed) {
    return "a field that begins with a quote and does not end with one" + closed;
  }
  if (kind == DelimitedKind::unterminated_quote) return "a quote that is never closed" + closed;
  if (kind == DelimitedKind::text_after_quote) {
    return "text between a closing quote and the end of its field" + closed;
  }
  return count_of_columns(parser.field_count()) + ", but column " + std::to_string(parser.needed_fields()) +
         " is needed";
}

std::vector<std::size_t> column_numbers(const std::vector<std::string>& names) {
  std::vector<std::size_t> columns;
  for (const std::string& text : names) {
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

using Names = std::vector<std::string>;

std::string list_of(const Names& names) {
  constexpr std::size_t max_shown = 50;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), max_shown); ++i) {
    if (i > 0) list += ", ";
    list += quoted(names[i]);
  }
  if (names.size() > max_shown) list += " and " + std::to_string(names.size() - max_shown) + " more";
  return list;
}

/// The places of the `wanted` names among `names`; what is wrong, if one is not there or several times, in `problem`.
std::vector<std::size_t> find_columns(const Names& names, const Names& wanted, std::string& problem) {
  std::vector<std::size_t> columns;
  for (const std::string& name : wanted) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      problem = "there is no column " + quoted(name) + "; the columns are " + list_of(names);
      return {};
    }
    if (std::find(found + 1, names.end(), name) != names.end()) {
      problem = "there are several columns " + quoted(name) + "; the columns are " + list_of(names);
      return {};
    }
    columns.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  return columns;
}

class DelimitedRows final : public RowParser {
 public:
  explicit DelimitedRows(const DelimitedRowsOptions& options)
      : options_(options),
        key_columns_(options.header ? std::vector<std::size_t>{} : column_numbers(options.by)),
        kept_columns_(options.header ? std::vector<std::size_t>{} : column_numbers(options.keep)),
        parser_(make_parser()) {}

  std::unique_ptr<RowParser> clone() const override { return std::make_unique<DelimitedRows>(*this); }

  void set_ending(char ending) override {
    options_.syntax.ending = ending;
    parser_ = make_parser();
  }

  RowKind read_header(std::string_view text, bool complete, Row& header) override {
    header = {};
    header_.clear();
    const std::optional<std::size_t> skipped = skip_lines(text, complete, header.line_count);
    if (!skipped) return RowKind::incomplete;
    header.bytes = text.substr(0, *skipped);
    if (!options_.header) return RowKind::row;
    DelimitedParser parser(options_.syntax);
    parser.feed(text.substr(*skipped), complete);
    DelimitedKind kind = DelimitedKind::blank;
    while (kind == DelimitedKind::blank) {
      kind = parser.next();
      header.line_count += parser.line_count();
    }
    header.bytes = text.substr(0, text.size() - parser.rest().size());
    if (kind == DelimitedKind::incomplete) {
      if (!complete) return RowKind::incomplete;
      header.problem =
          "there is no column " + quoted(options_.by.front()) + ", for there is no header: the input has no row";
      return RowKind::malformed;
    }
    header.problem = kind == DelimitedKind::row ? choose_columns(parser)
                                                : "the header has " + problem_of(kind, parser, options_.syntax.quotes);
    return header.problem.empty() ? RowKind::row : RowKind::malformed;
  }

  void feed(std::string_view text, bool complete) override { parser_.feed(text, complete); }

  RowKind next(Row& row) override {
    row.problem.clear();
    const DelimitedKind kind = parser_.next();
    // Not of what was just stored: processors wait for two stores before one load of both.
    const std::string_view bytes = parser_.bytes();
    row.bytes = bytes;
    row.value = bytes;
    row.line_count = parser_.line_count();
    if (kind == DelimitedKind::row && is_packed()) return pack(row);
    if (kind == DelimitedKind::row) return take(row);
    if (kind == DelimitedKind::incomplete) return RowKind::incomplete;
    if (kind == DelimitedKind::blank) return RowKind::blank;
    row.problem = "the row has " + problem_of(kind, parser_, options_.syntax.quotes);
    return RowKind::malformed;
  }

  bool keeps_endings() const override { return !is_packed(); }

  std::string header() const override { return header_; }

  void expect_header(std::string_view header) override {
    DelimitedParser parser(options_.syntax);
    parser.feed(header, true);
    expected_.clear();
    if (parser.next() == DelimitedKind::row) expected_.assign(parser.fields().begin(), parser.fields().end());
  }

  std::string description() const override {
    const DelimitedSyntax& syntax = options_.syntax;
    std::string text;
    append_prefixed(text, is_packed() ? "delimited to msgpack" : "delimited");
    append_prefixed(text, syntax.delimiter);
    append_prefixed(text, std::to_string(static_cast<int>(syntax.quotes)));
    append_prefixed(text, syntax.comment ? std::string(1, *syntax.comment) : "");
    append_prefixed(text, options_.header ? "header" : "no header");
    append_prefixed(text, std::to_string(options_.skip_lines));
    append_prefixed(text, options_.key_separator);
    for (const std::string& name : options_.by) append_prefixed(text, name);
    append_prefixed(text, options_.reorder ? "reorder" : "keep");
    for (const std::string& name : options_.keep) append_prefixed(text, name);
    return text;
  }

 private:
  [[nodiscard]] bool is_packed() const { return options_.form == RowForm::packed_map; }

  /// For a map all columns are wanted; else those that make the key, and after them those that are kept of a row.
  [[nodiscard]] DelimitedParser make_parser() const {
    if (is_packed()) return DelimitedParser(options_.syntax);
    std::vector<std::size_t> columns = key_columns_;
    columns.insert(columns.end(), kept_columns_.begin(), kept_columns_.end());
    return {options_.syntax, columns};
  }

  /// How long the lines are that are to be skipped; nullopt if they are not there whole yet.
  [[nodiscard]] std::optional<std::size_t> skip_lines(std::string_view text, bool complete,
                                                      std::uint64_t& lines) const {
    std::size_t skipped = 0;
    for (; lines < options_.skip_lines; ++lines) {
      const std::size_t ending = text.find(options_.syntax.ending, skipped);
      if (ending == std::string_view::npos) return complete ? std::optional(text.size()) : std::nullopt;
      skipped = ending + 1;
    }
    return skipped;
  }

  /// Returns what is wrong with the header that the parser has read, or nothing.
  [[nodiscard]] std::string choose_columns(const DelimitedParser& header) {
    const Names names(header.fields().begin(), header.fields().end());
    std::string problem;
    key_columns_ = find_columns(names, options_.by, problem);
    if (problem.empty()) kept_columns_ = find_columns(names, options_.keep, problem);
    if (problem.empty()) problem = check_order(names);
    if (problem.empty() && is_packed()) problem = name_fields(names);
    if (!problem.empty()) return problem;
    parser_ = make_parser();
    if (!is_packed()) header_ = header_of_values(header);
    return {};
  }

  /// Whether the values have the columns that are expected.
  [[nodiscard]] std::string check_order(const Names& names) {
    is_reordered_ = false;
    if (expected_.empty() || is_packed()) return {};
    const Names& own = options_.keep.empty() ? names : options_.keep;
    if (own == expected_) return {};
    const bool has_the_same = std::is_permutation(own.begin(), own.end(), expected_.begin(), expected_.end());
    if (!has_the_same || !options_.reorder) {
      return "its columns are " + list_of(own) + ", but the rows of the dataset have " + list_of(expected_) +
             (has_the_same ? "; --reorder puts them in that order"
                           : "; load it into another dataset, or choose columns that both have with --columns");
    }
    std::string problem;
    kept_columns_ = find_columns(names, expected_, problem);
    is_reordered_ = options_.keep.empty();
    return problem;
  }

  [[nodiscard]] std::string header_of_values(const DelimitedParser& header) const {
    const std::string_view ending = ending_of(header.bytes());
    std::string text;
    if (kept_columns_.empty()) text = header.bytes().substr(0, header.bytes().size() - ending.size());
    for (std::size_t i = 0; i < kept_columns_.size(); ++i) {
      if (i > 0) text += options_.syntax.delimiter;
      text += header.raw_field(kept_columns_[i]);
    }
    return ending.empty() ? text + options_.syntax.ending : text.append(ending);
  }

  [[nodiscard]] std::string_view ending_of(std::string_view row) const {
    const std::size_t size = row.ends_with("\r\n") ? 2 : row.ends_with(options_.syntax.ending) ? 1 : 0;
    return row.substr(row.size() - size);
  }

  RowKind take(Row& row) {
    if (is_reordered_ && parser_.has_more_fields()) {
      row.problem = "the row has more columns than the header, which has " + std::to_string(kept_columns_.size());
      return RowKind::malformed;
    }
    row.key = join(parser_.fields().first(key_columns_.size()));
    if (kept_columns_.empty()) return RowKind::row;
    value_.clear();
    for (std::size_t i = key_columns_.size(); i < parser_.fields().size(); ++i) {
      if (i > key_columns_.size()) value_ += options_.syntax.delimiter;
      value_ += parser_.raw_field(i);
    }
    row.value = value_.append(ending_of(row.bytes));
    return RowKind::row;
  }

  /// Takes the names of the fields of maps. Returns what is wrong with them, or nothing.
  [[nodiscard]] std::string name_fields(const Names& names) {
    field_count_ = names.size();
    names_ = options_.keep.empty() ? names : options_.keep;
    const auto odd = std::find_if_not(names_.begin(), names_.end(), is_utf8);
    if (odd != names_.end()) return "the name of a column is not UTF-8: " + quoted(*odd);
    std::vector<std::string_view> sorted(names_.begin(), names_.end());
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    return twice == sorted.end() ? "" : "there are several columns " + quoted(*twice) + ", which a map cannot hold";
  }

  /// What is wrong with how many fields a row has that is to become a map, or nothing.
  [[nodiscard]] std::string problem_of_count(std::size_t count) const {
    if (options_.header) {
      if (count == field_count_) return {};
      return "the row has " + count_of_columns(count) + ", but the header has " + std::to_string(field_count_);
    }
    std::size_t needed = 0;
    for (const std::size_t column : key_columns_) needed = std::max(needed, column + 1);
    for (const std::size_t column : kept_columns_) needed = std::max(needed, column + 1);
    if (count >= needed) return {};
    return "the row has " + count_of_columns(count) + ", but column " + std::to_string(needed) + " is needed";
  }

  RowKind pack(Row& row) {
    const std::span<const std::string_view> fields = parser_.fields();
    row.problem = problem_of_count(fields.size());
    if (!row.problem.empty()) return RowKind::malformed;
    value_.clear();
    const std::size_t count = kept_columns_.empty() ? fields.size() : kept_columns_.size();
    pack_map_head(value_, count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t column = kept_columns_.empty() ? i : kept_columns_[i];
      if (options_.header) {
        pack_string(value_, names_[i]);
      } else {
        pack_unsigned(value_, column + 1);
      }
      if (is_utf8(fields[column])) {
        pack_string(value_, fields[column]);
      } else {
        pack_binary(value_, fields[column]);
      }
    }
    row.problem = problem_of_item(value_);
    if (!row.problem.empty()) return RowKind::malformed;
    key_fields_.clear();
    for (const std::size_t column : key_columns_) key_fields_.push_back(fields[column]);
    row.key = join(key_fields_);
    row.value = value_;
    return RowKind::row;
  }

  std::string_view join(std::span<const std::string_view> fields) {
    if (fields.size() == 1) return fields[0];
    key_.assign(fields[0]);
    for (const std::string_view field : fields.subspan(1)) key_.append(options_.key_separator).append(field);
    return key_;
  }

  DelimitedRowsOptions options_;
  std::vector<std::size_t> key_columns_;
  std::vector<std::size_t> kept_columns_;  // of which values are put together; none: a value is its row
  DelimitedParser parser_;
  Names expected_;  // columns of values
  bool is_reordered_ = false;
  std::string header_;  // of the values
  std::string key_;
  std::string value_;
  std::size_t field_count_ = 0;  // of the header
  Names names_;                  // of the fields of maps
  std::vector<std::string_view> key_fields_;
};

void check_syntax(const DelimitedSyntax& syntax) {
  const std::string& delimiter = syntax.delimiter;
  if (delimiter.empty()) throw InvalidArgumentError("the delimiter is empty; give at least one byte");
  if (delimiter.find_first_of("\"\n\r") != std::string::npos) {
    throw InvalidArgumentError("a quote or a line ending cannot be in the delimiter");
  }
  if (syntax.comment &&
      (delimiter[0] == *syntax.comment || std::string_view("\"\n\r").find(*syntax.comment) != std::string_view::npos)) {
    throw InvalidArgumentError("a quote, a line ending or the delimiter cannot begin a comment");
  }
}

}  // namespace

std::unique_ptr<RowParser> delimited_rows(const DelimitedRowsOptions& options) {
  if (options.by.empty()) throw InvalidArgumentError("no columns are given to make the key of");
  check_syntax(options.syntax);
  return std::make_unique<DelimitedRows>(options);
}

}  // namespace accrete::cli
