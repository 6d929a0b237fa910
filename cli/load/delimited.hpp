// Rows and fields of delimited text as in RFC 4180, and of dialects of it. No input or output: text comes in pieces
// through `feed`.
//
//   text   = *row [last]
//   row    = field *(delimiter field) ending
//   last   = field *(delimiter field) [CR]   ; the end of the text ends it; a CR there is half an ending
//   ending = LF / CR LF                      ; a CR elsewhere is an ordinary byte, and so is NUL
//   field  = DQUOTE *(any byte but DQUOTE / 2DQUOTE) DQUOTE / *(any byte but delimiter, LF)
//
// A quote inside a field that does not begin with one is an ordinary byte. A row that is only an ending is blank, and
// so is a comment. Where CR alone ends rows, it stands for LF above.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accrete::cli {

enum class DelimitedKind {
  row,
  blank,               ///< or a comment
  too_short,           ///< has fewer fields than are wanted
  text_after_quote,    ///< a closing quote is followed by neither a delimiter nor an ending
  unterminated_quote,  ///< a quote is still open at the end of the text; with Quotes::closed, of its field
  incomplete           ///< all rows that the text has whole are read: feed the rest and what follows
};

/// What a quote at the beginning of a field means.
enum class Quotes {
  rfc4180,  ///< up to the closing one, delimiters and endings are bytes of the field
  closed,   ///< the field ends with one as well, before the next delimiter or ending, and both are no bytes of it
  none      ///< it is a byte of the field
};

struct DelimitedSyntax {
  std::string delimiter = ",";  ///< a byte or more
  Quotes quotes = Quotes::rfc4180;
  std::optional<char> comment{};  ///< begins lines that are passed over
  char ending = '\n';             ///< or CR
};

class DelimitedParser {
 public:
  /// `columns` are the numbers, from 0, of the fields that are wanted, in the order in which they are wanted.
  DelimitedParser(DelimitedSyntax syntax, std::vector<std::size_t> columns);

  /// Wants all fields of each row.
  explicit DelimitedParser(DelimitedSyntax syntax);

  /// Goes on at the front of `text`, which is borrowed until the next call. `complete`: nothing follows the text.
  void feed(std::string_view text, bool complete);

  /// Goes to the next row. With a complete text, `incomplete` means that nothing is left.
  DelimitedKind next();

  /// The row with its ending. Of a row with a quote that goes wrong only the first line, since the quote may have
  /// been a slip: the next row then begins at the next line. Nothing if incomplete.
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

  /// The endings within bytes().
  [[nodiscard]] std::uint64_t line_count() const noexcept { return line_count_; }

  /// How many fields a row must have.
  [[nodiscard]] std::size_t needed_fields() const noexcept { return needed_; }

  /// How many fields were seen: of a row that is too short, all that it has.
  [[nodiscard]] std::size_t field_count() const noexcept { return field_count_; }

  /// Whether there are fields after the needed ones.
  [[nodiscard]] bool has_more_fields() const noexcept { return has_more_; }

  /// What is inside the wanted fields, without quotes. Valid until the next call.
  [[nodiscard]] std::span<const std::string_view> fields() const noexcept { return wanted_; }

  /// One of them as it stands in the row, its quotes included.
  [[nodiscard]] std::string_view raw_field(std::size_t number) const noexcept;

  /// What is left of the text after the rows that were read.
  [[nodiscard]] std::string_view rest() const noexcept;

 private:
  struct Field {
    std::string_view raw;
    std::string_view text;
    bool doubled_quotes = false;
  };

  [[nodiscard]] const char* find_delimiter(const char* from, const char* to) const noexcept;
  [[nodiscard]] const char* find_ending(const char* from) noexcept;
  [[nodiscard]] bool quote_before(const char* limit) noexcept;
  DelimitedKind read_plain(const char* line_end, const char* row_end);
  template <typename NextDelimiter>
  void find_fields(const char* line_end, NextDelimiter next_delimiter);
  DelimitedKind read_quoting();
  DelimitedKind read_field(const char*& at, Field& field);
  DelimitedKind read_quoted_field(const char*& at, Field& field) const;
  DelimitedKind read_closed_field(const char*& at, Field& field);
  DelimitedKind read_unquoted_field(const char*& at, Field& field);
  DelimitedKind pass_first_line(DelimitedKind kind);
  void pass_row(const char* row_end, std::uint64_t lines) noexcept;
  void unquote_wanted();
  std::string_view without_doubling(std::string_view text);

  DelimitedSyntax syntax_;
  bool all_ = false;
  std::vector<std::size_t> columns_;
  std::size_t needed_ = 0;  // fields

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  const char* next_quote_ = nullptr;   // none stands between at_ and it; end_ if none is left. Saves a search a row
  const char* next_ending_ = nullptr;  // likewise, and a search a field
  bool complete_ = false;

  std::string_view bytes_;
  std::uint64_t line_count_ = 0;
  std::size_t field_count_ = 0;
  bool has_more_ = false;
  std::vector<const char*> starts_;  // of the fields of a plain row
  std::vector<Field> found_;         // of a quoting row; none of a plain one
  std::vector<std::string_view> wanted_;
  std::string scratch_;  // holds fields whose quotes were doubled
};

}  // namespace accrete::cli
