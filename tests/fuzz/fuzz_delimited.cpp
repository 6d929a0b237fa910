// Fuzzes the parser of delimited text: any text is rows and what is passed over, and parses in pieces as it does whole.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "cli/load/delimited.hpp"

namespace {

using accrete::cli::DelimitedKind;
using accrete::cli::DelimitedParser;
using accrete::cli::DelimitedSyntax;

struct Seen {
  std::vector<std::string> rows;  // kind, fields and bytes of each
  std::string joined;
};

void require(bool condition) {
  if (!condition) std::abort();
}

void look_at(DelimitedParser& parser, DelimitedKind kind, Seen& seen) {
  std::string row = std::to_string(static_cast<int>(kind));
  if (kind == DelimitedKind::row) {
    for (const std::string_view field : parser.fields()) row.append("|").append(field);
  }
  require(!parser.bytes().empty());
  seen.joined.append(parser.bytes());
  seen.rows.push_back(row.append("|").append(parser.bytes()));
}

Seen parse(DelimitedParser parser, std::string_view text, std::size_t step) {
  Seen seen;
  std::size_t begin = 0;
  std::size_t end = 0;
  do {
    end += std::min(step, text.size() - end);
    // A copy of its own, so that AddressSanitizer sees a read beyond it.
    const std::vector<char> piece(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                  text.begin() + static_cast<std::ptrdiff_t>(end));
    parser.feed({piece.data(), piece.size()}, end == text.size());
    for (DelimitedKind kind; (kind = parser.next()) != DelimitedKind::incomplete;) look_at(parser, kind, seen);
    begin = seen.joined.size();
  } while (end < text.size());
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t step = 1 + data[0] % 64;
  const std::size_t column = data[1] % 4;
  for (const DelimitedParser& parser :
       {DelimitedParser(DelimitedSyntax{.delimiter = ","}), DelimitedParser({.delimiter = ","}, {column, 0})}) {
    const Seen whole = parse(parser, text, text.size() + 1);
    require(whole.joined == text);
    require(parse(parser, text, step).rows == whole.rows);
  }
  return 0;
}
