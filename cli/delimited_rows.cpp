// Delimited text as rows: finds the columns that make the key by their names in the header.
#include <accrete/error.hpp>
#include <algorithm>
#include <charconv>

#include "base/escape.hpp"
#include "cli/delimited.hpp"
#include "cli/length_prefixed.hpp"
#include "cli/line_reader.hpp"
#include "cli/row_parser.hpp"

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
  constexpr std::size_t most_shown = 50;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most_shown); ++i) {
    if (i > 0) list += ", ";
    list += quoted(names[i]);
  }
  if (names.size() > most_shown) list += " and " + std::to_string(names.size() - most_shown) + " more";
  return list;
}

class DelimitedRows final : public RowParser {
 public:
  explicit DelimitedRows(const DelimitedRowsOptions& options)
      : options_(options),
        parser_(options.delimiter, options.header ? std::vector<std::size_t>{} : column_numbers(options.by)) {}

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

  bool keeps_endings() const override { return true; }

  std::string description() const override {
    std::string text;
    append_prefixed(text, "delimited");
    append_prefixed(text, {&options_.delimiter, 1});
    append_prefixed(text, options_.header ? "header" : "no header");
    append_prefixed(text, options_.key_separator);
    for (const std::string& name : options_.by) append_prefixed(text, name);
    return text;
  }

 private:
  RowKind choose_columns(std::span<const std::string_view> names, Row& header) {
    std::vector<std::size_t> columns;
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
      columns.push_back(static_cast<std::size_t>(found - names.begin()));
    }
    parser_ = DelimitedParser(options_.delimiter, std::move(columns));
    return RowKind::row;
  }

  std::string_view join(std::span<const std::string_view> fields) {
    if (fields.size() == 1) return fields[0];
    key_.assign(fields[0]);
    for (const std::string_view field : fields.subspan(1)) key_.append(options_.key_separator).append(field);
    return key_;
  }

  DelimitedRowsOptions options_;
  DelimitedParser parser_;
  std::string key_;
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
