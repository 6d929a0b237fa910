// The parser of delimited text.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "cli/load/delimited.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <random>
#include <string>
#include <vector>

namespace {

using accrete::cli::DelimitedKind;
using accrete::cli::DelimitedParser;
using accrete::cli::DelimitedSyntax;
using Strings = std::vector<std::string>;

struct ParsedRow {
  DelimitedKind kind = DelimitedKind::row;
  std::string bytes;
  Strings fields;

  bool operator==(const ParsedRow&) const = default;
};

/// Parses a text of which `sizes` bytes come at a time (the last over and over).
std::vector<ParsedRow> parse(DelimitedParser parser, const std::string& text, const std::vector<std::size_t>& sizes) {
  std::vector<ParsedRow> rows;
  std::size_t begin = 0;
  std::size_t end = 0;
  for (std::size_t i = 0; begin < text.size() || end == 0; ++i) {
    end = std::min(text.size(), end + sizes[std::min(i, sizes.size() - 1)]);
    const std::string piece = text.substr(begin, end - begin);  // its own memory, so that overreading is seen
    parser.feed(piece, end == text.size());
    for (DelimitedKind kind; (kind = parser.next()) != DelimitedKind::incomplete;) {
      ParsedRow& row = rows.emplace_back(ParsedRow{.kind = kind, .bytes = std::string(parser.bytes()), .fields = {}});
      if (kind == DelimitedKind::row) row.fields.assign(parser.fields().begin(), parser.fields().end());
      begin += row.bytes.size();
    }
    if (end == text.size()) break;
  }
  CHECK(begin == text.size());
  return rows;
}

std::vector<ParsedRow> parse(const std::string& text) {
  return parse(DelimitedParser(DelimitedSyntax{.delimiter = ","}), text, {text.size()});
}

std::vector<Strings> fields_of(const std::string& text) {
  std::vector<Strings> fields;
  for (const ParsedRow& row : parse(text)) {
    if (row.kind == DelimitedKind::row) fields.push_back(row.fields);
  }
  return fields;
}

std::vector<DelimitedKind> kinds_of(const std::string& text) {
  std::vector<DelimitedKind> kinds;
  for (const ParsedRow& row : parse(text)) kinds.push_back(row.kind);
  return kinds;
}

std::string random_text(std::mt19937_64& random) {
  constexpr std::string_view alphabet = "ab,,\"\"\n\n\r";
  std::string text(random() % 40, ' ');
  for (char& c : text) c = alphabet[random() % alphabet.size()];
  return text;
}

}  // namespace

TEST_CASE("fields are split at delimiters and rows at LF or CR LF") {
  CHECK(fields_of("a,b\nc,d\r\n") == std::vector<Strings>{{"a", "b"}, {"c", "d"}});
  CHECK(fields_of("a,\n,\n") == std::vector<Strings>{{"a", ""}, {"", ""}});
}

TEST_CASE("a row's bytes hold its ending as it is") {
  const auto rows = parse("a\r\nb\nc");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].bytes == "a\r\n");
  CHECK(rows[1].bytes == "b\n");
  CHECK(rows[2].bytes == "c");
}

TEST_CASE("a quoted field holds delimiters, line endings and doubled quotes") {
  CHECK(fields_of("\"a,b\",\"c\r\nd\",\"e\"\"f\",\"\"\n") == std::vector<Strings>{{"a,b", "c\r\nd", "e\"f", ""}});
  CHECK(fields_of("\"\"\"\",\"\"\"x\"\"\"\n") == std::vector<Strings>{{"\"", "\"x\""}});
}

TEST_CASE("several fields with doubled quotes in one row are all right") {
  const std::string wide(100, 'x');
  CHECK(fields_of("\"" + wide + "\"\"\",\"\"\"" + wide + "\",\"a\"\"\"\n") ==
        std::vector<Strings>{{wide + "\"", "\"" + wide, "a\""}});
}

TEST_CASE("a quote inside a field that begins without one is an ordinary byte") {
  CHECK(fields_of("5\" pipe,a\"b\"\n") == std::vector<Strings>{{"5\" pipe", "a\"b\""}});
}

TEST_CASE("NUL and a lone CR are ordinary bytes") {
  const std::string text("a\0b,c\rd\n", 8);
  CHECK(fields_of(text) == std::vector<Strings>{{std::string("a\0b", 3), "c\rd"}});
}

TEST_CASE("a CR at the end of the text is half an ending") {
  CHECK(fields_of("a,b\r") == std::vector<Strings>{{"a", "b"}});
  CHECK(fields_of("a,\"b\"\r") == std::vector<Strings>{{"a", "b"}});
}

TEST_CASE("a row that is only an ending is blank") {
  CHECK(kinds_of("\n\r\na\n\n") ==
        std::vector{DelimitedKind::blank, DelimitedKind::blank, DelimitedKind::row, DelimitedKind::blank});
}

TEST_CASE("wanted columns come in the order in which they are wanted, also twice") {
  for (const std::string text : {"a,b,c,d\n", "a,\"b\",c,\"d\"\n"}) {
    const auto rows = parse(DelimitedParser({.delimiter = ","}, {3, 1, 3}), text, {text.size()});
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].fields == Strings{"d", "b", "d"});
  }
}

TEST_CASE("another delimiter than a comma makes commas ordinary") {
  const auto rows = parse(DelimitedParser(DelimitedSyntax{.delimiter = "\t"}), "a,b\t\"c\td\"\n", {100});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].fields == Strings{"a,b", "c\td"});
}

TEST_CASE("a row with too few columns is passed whole and says how many it has") {
  for (const std::string text : {"a,b\nc,d,e\n", "\"a\",\"\nb\"\nc,d,e\n"}) {
    DelimitedParser parser({}, {2});
    parser.feed(text, true);
    CHECK(parser.next() == DelimitedKind::too_short);
    CHECK(parser.field_count() == 2);
    CHECK(parser.needed_fields() == 3);
    CHECK(parser.rest() == "c,d,e\n");
  }
}

TEST_CASE("text after a closing quote is at fault, and only its row's first line is passed over") {
  const auto rows = parse("\"a\nb\"c,d\ne\n");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == ParsedRow{DelimitedKind::text_after_quote, "\"a\n", {}});
  CHECK(rows[1] == ParsedRow{DelimitedKind::row, "b\"c,d\n", {"b\"c", "d"}});
  CHECK(rows[2].fields == Strings{"e"});
}

TEST_CASE("a quote that is never closed is at fault, and only its row's first line is passed over") {
  const auto rows = parse("a\nb,\"c\nd\ne");
  REQUIRE(rows.size() == 4);
  CHECK(rows[1] == ParsedRow{DelimitedKind::unterminated_quote, "b,\"c\n", {}});
  CHECK(rows[2].fields == Strings{"d"});
  CHECK(rows[3].fields == Strings{"e"});
}

TEST_CASE("line_count counts the endings inside quotes too") {
  DelimitedParser parser({}, {0});
  parser.feed("\"a\n\nb\"\nc\nd", true);
  for (const int lines : {3, 1, 0}) {
    CHECK(parser.next() == DelimitedKind::row);
    CHECK(parser.line_count() == static_cast<std::uint64_t>(lines));
  }
  CHECK(parser.next() == DelimitedKind::incomplete);
}

TEST_CASE("an empty text has no rows") { CHECK(parse("").empty()); }

TEST_CASE("rows and what is passed over make up any text, and any pieces of it parse as the whole does") {
  std::mt19937_64 random(1);
  std::size_t rows_seen = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_text(random);
    const auto whole = parse(text);
    std::string joined;
    for (const ParsedRow& row : whole) joined += row.bytes;
    REQUIRE(joined == text);
    REQUIRE(parse(DelimitedParser(DelimitedSyntax{.delimiter = ","}), text, {1}) == whole);
    REQUIRE(parse(DelimitedParser(DelimitedSyntax{.delimiter = ","}), text,
                  {random() % 10 + 1, random() % 10 + 1, 100}) == whole);
    rows_seen += whole.size();
  }
  CHECK(rows_seen > 20'000);
}

TEST_CASE("wanting some columns finds the same rows and fields as wanting all") {
  std::mt19937_64 random(2);
  std::size_t compared = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_text(random);
    const auto all = parse(text);
    const auto some = parse(DelimitedParser({.delimiter = ","}, {1}), text, {text.size()});
    REQUIRE(all.size() == some.size());
    for (std::size_t row = 0; row < all.size(); ++row) {
      REQUIRE(all[row].bytes == some[row].bytes);
      if (all[row].kind != DelimitedKind::row) continue;
      const bool has_two = all[row].fields.size() >= 2;
      REQUIRE(some[row].kind == (has_two ? DelimitedKind::row : DelimitedKind::too_short));
      if (!has_two) continue;
      REQUIRE(some[row].fields == Strings{all[row].fields[1]});
      ++compared;
    }
  }
  CHECK(compared > 1'000);
}
