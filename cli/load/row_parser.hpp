// What the loader sees of the ways in which rows can be written, and the three of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/load/delimited.hpp"

namespace accrete::cli {

enum class RowKind {
  row,
  blank,
  malformed,
  incomplete  ///< feed the rest of the text again, with more after it; with a complete text: nothing is left
};

/// A row and what becomes of it. Valid until the parser goes on.
struct Row {
  std::string_view bytes;        ///< in the input, with its ending; of a malformed row, what to pass over
  std::uint64_t line_count = 0;  ///< endings in `bytes`
  std::string_view key;
  std::string_view value;  ///< what is appended to the key
  std::string problem;     ///< what is wrong with a malformed row, or why it has no key, for a message
};

class RowParser {
 public:
  virtual ~RowParser() = default;

  /// Another one that reads the rows after the same header, for another thread.
  [[nodiscard]] virtual std::unique_ptr<RowParser> clone() const = 0;

  /// What ends the lines of the next input: LF, or CR where it has only that.
  virtual void set_ending(char ending) = 0;

  /// Reads what stands before the rows of an input, such as a header, off the front of `text` as one Row with neither
  /// key nor value. An input without one has a row of no bytes there.
  virtual RowKind read_header(std::string_view text, bool complete, Row& header);

  /// Goes on at the front of `text`, which is borrowed until the next call and has InputBuffer::padding readable bytes
  /// after it. `complete`: nothing follows it.
  virtual void feed(std::string_view text, bool complete) = 0;

  virtual RowKind next(Row& row) = 0;

  /// Whether a value holds its row's ending. If so, one is added where the last row of an input has none.
  [[nodiscard]] virtual bool keeps_endings() const = 0;

  /// Parsers of equal descriptions make equal keys and values of equal text. Reaches a disk, hashed.
  [[nodiscard]] virtual std::string description() const = 0;

  /// The row that names the columns of the values that are made, its ending included; empty where they have no names.
  [[nodiscard]] virtual std::string header() const { return {}; }

  /// The headers that are read from here on must be of the same columns as this one.
  virtual void expect_header(std::string_view /*header*/) {}
};

/// What is appended of a row.
enum class RowForm {
  text,       ///< the row as it is, its ending included
  packed_map  ///< its columns or fields as a map, an item of MessagePack
};

struct DelimitedRowsOptions {
  DelimitedSyntax syntax{};
  bool header = true;
  std::uint64_t skip_lines = 0;     ///< before the header, or before the first row
  std::vector<std::string> by{};    ///< names of columns; without a header their numbers, from 1
  std::vector<std::string> keep{};  ///< likewise, those that become the value, in this order; none: all
  bool reorder = false;             ///< puts columns into the order of the header that is expected
  std::string key_separator = ",";
  RowForm form = RowForm::text;
};

/// Each row under the contents of its columns `by`. As a map it has strings, or binaries where they are not UTF-8,
/// under the names of columns, or without a header under their numbers, from 1. Throws InvalidArgumentError.
[[nodiscard]] std::unique_ptr<RowParser> delimited_rows(const DelimitedRowsOptions& options);

/// Lines `key<separator>bytes`; of both, unless `raw`, each `\xNN` stands for a byte.
[[nodiscard]] std::unique_ptr<RowParser> pair_rows(char separator, bool raw);

/// Lines of JSON objects, each under the contents of its fields `by`: of a name, or of a path of names with dots.
[[nodiscard]] std::unique_ptr<RowParser> json_rows(std::vector<std::string> by, std::string key_separator,
                                                   RowForm form);

}  // namespace accrete::cli
