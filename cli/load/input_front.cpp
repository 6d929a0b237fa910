#include "cli/load/input_front.hpp"

#include <algorithm>
#include <array>

namespace accrete::cli {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t looked_at_bytes = 4096;

struct Format {
  std::string_view magic;
  std::string_view problem;
};

// What people have tried to load, with the bytes that each begins with.
constexpr auto formats = std::to_array<Format>({
    {"PAR1"sv, R"(is Parquet, not text; load what e.g. DuckDB makes of it: duckdb -csv -c "from 'FILE'")"sv},
    {"ARROW1"sv, R"(is Arrow, not text; load what e.g. DuckDB makes of it: duckdb -csv -c "from 'FILE'")"sv},
    {"ORC"sv, "is ORC, not text; convert it to CSV"sv},
    {"Obj\x01"sv, "is Avro, not text; load what avro-tools tojson makes of it with --jsonl"sv},
    {"SQLite format 3"sv,
     "is a database of SQLite, not text; load what sqlite3 -csv -header FILE 'select * from TABLE' prints"sv},
    {"PK\x03\x04"sv, "is a ZIP archive or a spreadsheet, not text; unpack it (unzip -p), or save the sheet as CSV"sv},
    {"\xD0\xCF\x11\xE0"sv, "is an old spreadsheet or document, not text; save it as CSV"sv},
    {"7z\xBC\xAF"sv, "is a 7z archive, not text; unpack it: 7z x -so"sv},
    {"\x04\x22\x4D\x18"sv, "is compressed by LZ4, which is not read here; load what lz4 -dc prints"sv},
    {"\x1F\x9D"sv, "is compressed by compress, which is not read here; load what zcat prints"sv},
    {"%PDF-"sv, "is PDF, not text"sv},
});

constexpr std::string_view utf16_problem =
    "is UTF-16, of which no rows can be read; load what iconv -f UTF-16 -t UTF-8 prints";

/// Text of UTF-16 without a mark: every other byte is NUL, where it is of Latin letters.
bool looks_like_utf16(std::string_view front) {
  constexpr std::size_t least = 8;
  if (front.size() < least) return false;
  std::array<std::size_t, 2> nul{};
  for (std::size_t i = 0; i < front.size(); ++i) {
    if (front[i] == '\0') ++nul[i % 2];
  }
  const std::size_t pairs = front.size() / 2;
  return std::max(nul[0], nul[1]) > pairs * 9 / 10 && std::min(nul[0], nul[1]) <= pairs / 10;
}

/// Delimiters may be control characters, and a text may hold some bytes of binary fields; most of it is text.
bool looks_binary(std::string_view front) {
  constexpr std::size_t least = 32;
  if (front.size() < least) return false;
  const auto nul = static_cast<std::size_t>(std::count(front.begin(), front.end(), '\0'));
  return nul > front.size() / 10;
}

bool is_control(char c) { return (c >= 0 && c < '\t') || (c > '\r' && c < ' '); }

std::string problem_of(std::string_view front) {
  // A header may begin with the letters of some of them: text has none of the other bytes that these have.
  const bool may_be_text = std::none_of(front.begin(), front.end(), is_control);
  for (const Format& format : formats) {
    if (!may_be_text && front.starts_with(format.magic)) return std::string(format.problem);
  }
  if (front.starts_with("\xFF\xFE") || front.starts_with("\xFE\xFF") || looks_like_utf16(front)) {
    return std::string(utf16_problem);
  }
  if (looks_binary(front)) return "is binary, not text: a tenth of its first bytes and more are NUL";
  return {};
}

/// nullopt where it cannot be told yet. What comes later makes no difference, or a slow pipe would.
std::optional<char> ending_of(std::string_view text, bool complete) {
  constexpr std::size_t enough = 1 << 20;
  const std::string_view front = text.substr(0, enough);
  if (front.find('\n') != std::string_view::npos) return '\n';
  if (!complete && front.size() < enough) return std::nullopt;
  // The one at the very end may be half an ending.
  return front.substr(0, front.empty() ? 0 : front.size() - 1).find('\r') == std::string_view::npos ? '\n' : '\r';
}

}  // namespace

std::optional<InputFront> look_at_front(std::string_view text, bool complete) {
  const std::optional<char> ending = ending_of(text, complete);
  std::string problem = problem_of(text.substr(0, looked_at_bytes));
  if (!ending && problem.empty()) return std::nullopt;
  return InputFront{.mark_size = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0,
                    .ending = ending.value_or('\n'),
                    .problem = std::move(problem)};
}

}  // namespace accrete::cli
